/** Settings of an upstream server that is served, and the server as others see it. */
import type { Duration, Effect, Semaphore } from "effect"
import type { CallerFetch } from "../../layers/upstream/callerFetch.ts"
import type { Connection } from "../../layers/upstream/Connection.ts"
import type { Models } from "../../layers/models/Models.ts"
import type { Account } from "../../layers/upstream/oauth/Account.ts"
import type { ServerSettings } from "../../layers/upstream/section.ts"
import type { UpstreamError } from "../../layers/upstream/UpstreamError.ts"
import type { Upstream } from "../../layers/upstream/Upstream.ts"
import type { Audience } from "../catalog/Audience.ts"
import type { SignInSettings } from "./accountOf.ts"
import type { Lister } from "./ListStore.ts"
import type { Lists } from "./lists.ts"
import type { UriMapping } from "./mappedUri.ts"
import type { Summary } from "./Summary.ts"
import type { UriOrder } from "./UriOrder.ts"

export interface UpstreamSettings {
  readonly name: string
  readonly settings: ServerSettings
  readonly maxMessageBytes: number
  readonly connectionTimeout: Duration.Duration
  readonly initialReconnectDelay: Duration.Duration
  readonly maxReconnectAttempts: number
  /** A server that answers no request, and then no ping for this long, is connected again. */
  readonly pingAfter: Duration.Duration
  /** Makes the requests to a URL; for the first connection. Default: the runtime's `fetch`. */
  readonly fetch?: Effect.Effect<CallerFetch> | undefined
  /** Answers sampling requests for clients without a model. Absent: they are rejected. */
  readonly models?: Models["Service"] | undefined
  /** The principals that see the entries. Default: all. */
  readonly visibleTo?: Audience
  /** The name of its calls in metrics, for a server that a caller chooses. Absent: those of its entries. */
  readonly callsAs?: string | undefined
  /** False: connects at the first request, and catalog lists do not wait for its entries. Default: true. */
  readonly eager?: boolean
  /** Limits how many servers whose lists are known connect at the same time after a start. */
  readonly starts?: Semaphore.Semaphore | undefined
  /** Called before each request of a caller. */
  readonly onUse?: () => void
  /** Id of this service, so that entries that came through it are not served again. */
  readonly instance?: Effect.Effect<string> | undefined
  /** How to sign in at the server. Absent: requests have the configured headers only. */
  readonly signIn?: SignInSettings | undefined
  /** Maps URIs that an earlier server has. Absent: URIs are not mapped. */
  readonly uriOrder?: UriOrder | undefined
  /** Keeps the lists for the next start. Absent: they are not kept, and a changed tool is only reported. */
  readonly store?: Lister | undefined
}

export interface ServedUpstream {
  readonly summary: Effect.Effect<Summary>
  /** Connects if there is no connection, and waits for it. */
  readonly connection: Effect.Effect<Connection, UpstreamError>
  readonly upstream: Upstream
  /** Whether it serves lists of an earlier run until it is connected. */
  readonly known: boolean
  /** Absent: the server has no sign-in. */
  readonly account: Account | undefined
  /** The mapping of its URIs; `undefined` while none is mapped. */
  readonly uris: () => UriMapping | undefined
  /** What the server listed last, without tools that are not served. */
  readonly lists: Effect.Effect<Lists>
  /** Reads lists that are out of date again, and waits for them. */
  readonly update: Effect.Effect<void>
  /** The same, without waiting for them; `undefined` if the lists are valid. */
  readonly updateSoon: () => Effect.Effect<void> | undefined
  /** Whether a caller's request is running, or a sign-in waits for its user. */
  readonly busy: () => boolean
}
