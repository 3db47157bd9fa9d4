/** What can be asked of another machine, and what comes back. */
import type { Duration, Effect, Stream } from "effect"
import type { OutboundError } from "./OutboundError.ts"

/** What is being done now: a name is looked up; a request was sent and its answer awaited. Each once per redirect. */
export type Step = "resolve" | "connect"

export interface OutboundRequest {
  /** `http` or `https`, without credentials. */
  readonly url: string | URL
  /** Default `GET`. */
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS"
  /** `Host`, and what frames and encodes the message, is not the caller's to say and is left out. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array<ArrayBuffer>
  /** At most this long, body included; default `outbound.timeout`. */
  readonly timeout?: Duration.Input
  /** Largest body that is read, in bytes after decompression; default `outbound.max_bytes`. */
  readonly maxBytes?: number
  /** 0 hands a redirect back as it is; default `outbound.max_redirects`. */
  readonly maxRedirects?: number
  /** Sends the cookies that a redirect sets along with the next request, as browsers do; default false. */
  readonly keepCookies?: boolean
  /** Asked before each URL is requested, redirects too; whoever fails here stops the exchange. */
  readonly admit?: (url: URL) => Effect.Effect<void, OutboundError>
  /** Called when a step begins, with the URL that it is about. */
  readonly onStep?: (step: Step, url: URL) => Effect.Effect<void>
}

export interface OutboundResponse {
  /** What answered, after all redirects; without a fragment. */
  readonly url: string
  readonly status: number
  /** As received, so that `content-length` and `content-encoding` tell of the body before it was decompressed. */
  readonly headers: Headers
  /** The body in pieces as they come. This and the two below read the one body: use one of them, once. */
  readonly body: Stream.Stream<Uint8Array, OutboundError>
  /** All of it; fails with `body` when it is larger than it may be. */
  readonly bytes: Effect.Effect<Uint8Array<ArrayBuffer>, OutboundError>
  /**
   * As much of it as may be read, and whether there was more. A body that breaks off or is damaged after its first bytes
   * is what arrived, with `damage` saying so.
   */
  readonly prefix: Effect.Effect<
    {
      readonly bytes: Uint8Array<ArrayBuffer>
      readonly truncated: boolean
      readonly damage?: OutboundError
    },
    OutboundError
  >
}
