/** Source of the entries of an upstream server, and the opened server, which their requests are sent to. */
import type { Effect, Scope } from "effect"
import type { UpstreamError } from "../../layers/upstream/UpstreamError.ts"
import type { Failed } from "../catalog/CatalogError.ts"
import type { CallServices } from "../catalog/Entry.ts"
import type { InstanceChain } from "../domain/instanceChain.ts"
import type { JsonObject } from "../domain/JsonObject.ts"
import type { Policy } from "../domain/Policy.ts"
import type { Principal } from "../domain/Principal.ts"
import type { UriMapping } from "./mappedUri.ts"
import type { Naming } from "./names.ts"

/** The entry that a request is for. */
export interface Target {
  /** The served name, for errors. */
  readonly name: string
  /** From another instance: the instances that the entry came through. */
  readonly chain: InstanceChain | undefined
}

/** Sends requests of callers to the opened server. */
export interface OpenServer {
  readonly send: (
    target: Target,
    method: string,
    params: JsonObject,
    headers?: Readonly<Record<string, string>>
  ) => Effect.Effect<JsonObject, Failed, CallServices>
  /** Subscribes to updates of the resource while the scope is open. `name`: the served URI. */
  readonly subscribe: (name: string, uri: string) => Effect.Effect<void, Failed, Scope.Scope>
  /** Values of an argument; empty if the server has no completion, or none of this argument. */
  readonly complete: (
    target: Target,
    ref: JsonObject,
    argument: { readonly name: string; readonly value: string },
    given: Readonly<Record<string, string>>
  ) => Effect.Effect<ReadonlyArray<string>, Failed, CallServices>
}

/** The server that entries are made for. */
export interface Source extends Naming {
  /** The name of the server. */
  readonly server: string
  /** Opens the server, unless it is open. Fails if it was stopped. */
  open: Effect.Effect<OpenServer, UpstreamError>
  readonly timeLimit: Policy["timeLimit"]
  /** Whether the principal may sign in for the callers of this server. */
  readonly maySignIn: (principal: Principal) => boolean
  /** Whether requests have headers, so that arguments can be repeated there. */
  readonly overHttp: boolean
  /** Whether a tool of that name is served. */
  readonly serves: (tool: string) => boolean
  /** Id of this service, in the chains of calls to other instances. Absent: calls have no chain. */
  readonly instance: Effect.Effect<string> | undefined
  /** The mapping of its URIs; `undefined` while none is mapped. Replaced when its entries are published. */
  uris: () => UriMapping | undefined
  /** Entries with their definitions, by kind and name: that of an unchanged definition stays the same object. */
  readonly known: Map<string, { readonly item: JsonObject; readonly entry: object }>
}
