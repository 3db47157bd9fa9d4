/** Opens a connection to a configured server over the transport that its settings name. */
import type { FetchLike } from "@modelcontextprotocol/client"
import { Effect, Redacted } from "effect"
import { connect, type ConnectOptions } from "./Connection.ts"
import { postRequest } from "./postRequest.ts"
import type { ServerSettings } from "./section.ts"
import { stdioTransport } from "./stdioTransport.ts"

export interface OpenOptions extends Omit<ConnectOptions, "transport" | "post"> {
  readonly settings: ServerSettings
  readonly maxMessageBytes: number
  /** Makes the requests to a URL. Default: the runtime's `fetch`. */
  readonly fetch?: FetchLike | undefined
}

const httpTransport = async (settings: ServerSettings, given: FetchLike | undefined) => {
  const { SSEClientTransport, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client")
  const headers = Object.fromEntries(
    Object.entries(settings.headers ?? {}).map(([name, value]) => [name.toLowerCase(), Redacted.value(value)])
  )
  const options = { requestInit: { headers }, ...(given !== undefined && { fetch: given }) }
  const url = new URL(settings.url ?? "")
  if (settings.type === "sse") return { transport: new SSEClientTransport(url, options) }
  const transport = new StreamableHTTPClientTransport(url, options)
  return { transport, post: postRequest({ url, headers, fetch: given ?? fetch, transport }) }
}

export const openConnection = Effect.fnUntraced(function* ({
  fetch,
  maxMessageBytes,
  settings,
  ...options
}: OpenOptions) {
  if (settings.command === undefined) {
    return yield* connect({ ...options, ...(yield* Effect.promise(() => httpTransport(settings, fetch))) })
  }
  const { explain, transport } = yield* stdioTransport({ server: options.server, settings, maxMessageBytes })
  return yield* connect({ ...options, transport }).pipe(Effect.catch(explain))
})
