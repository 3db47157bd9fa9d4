/** Outbound requests and their responses. */
import type { Duration, Effect, Stream } from "effect"
import type { OutboundError } from "./OutboundError.ts"

/** DNS lookup, or request and wait for the response; each repeats per redirect. */
export type Step = "resolve" | "connect"

export interface OutboundRequest {
  /** `http` or `https`, without credentials. */
  readonly url: string | URL
  /** Default `GET`. */
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS"
  /** `Host` and headers of framing and encoding are removed: the client sets them. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array<ArrayBuffer>
  /** Time limit, body included; default `outbound.timeout`. */
  readonly timeout?: Duration.Input
  /** Maximum body in bytes after decompression; default `outbound.max_bytes`. */
  readonly maxBytes?: number
  /** 0 returns a redirect as the response; default `outbound.max_redirects`. */
  readonly maxRedirects?: number
  /** Sends cookies that a redirect sets with the next request, as browsers do; default false. */
  readonly keepCookies?: boolean
  /** Runs before each URL is requested, redirects included; a failure stops the request. */
  readonly admit?: (url: URL) => Effect.Effect<void, OutboundError>
  /** Called when a step begins, with its URL. */
  readonly onStep?: (step: Step, url: URL) => Effect.Effect<void>
}

export interface OutboundResponse {
  /** The URL after all redirects, without a fragment. */
  readonly url: string
  readonly status: number
  /** As received: `content-length` and `content-encoding` describe the body before decompression. */
  readonly headers: Headers
  /** The body as a stream. It can be read once: use one of `body`, `bytes` and `prefix`. */
  readonly body: Stream.Stream<Uint8Array, OutboundError>
  /** The whole body; fails with `body` if it exceeds the limit. */
  readonly bytes: Effect.Effect<Uint8Array<ArrayBuffer>, OutboundError>
  /**
   * The body up to the limit. For a body that breaks off or is damaged after its first bytes, `damage` has the error and
   * `bytes` the data before it.
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
