/** Opens a connection to a configured server over the transport that its settings name. */
import type { FetchLike } from "@modelcontextprotocol/client"
import { Effect, Redacted, Record } from "effect"
import { connect, type ConnectOptions } from "./Connection.ts"
import type { ServerSettings } from "./section.ts"
import { stdioTransport } from "./stdioTransport.ts"

export interface OpenOptions extends Omit<ConnectOptions, "transport"> {
  readonly settings: ServerSettings
  readonly maxMessageBytes: number
  /** Makes the requests to a URL. Default: the runtime's `fetch`. */
  readonly fetch?: FetchLike | undefined
}

const httpTransport = async (settings: ServerSettings, fetch: FetchLike | undefined) => {
  const { SSEClientTransport, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client")
  const requestInit = { headers: Record.map(settings.headers ?? {}, (value) => Redacted.value(value)) }
  const options = { requestInit, ...(fetch !== undefined && { fetch }) }
  const url = new URL(settings.url ?? "")
  return settings.type === "sse"
    ? new SSEClientTransport(url, options)
    : new StreamableHTTPClientTransport(url, options)
}

export const openConnection = Effect.fnUntraced(function* ({
  fetch,
  maxMessageBytes,
  settings,
  ...options
}: OpenOptions) {
  if (settings.command === undefined) {
    const transport = yield* Effect.promise(() => httpTransport(settings, fetch))
    return yield* connect({ ...options, transport })
  }
  const { explain, transport } = yield* stdioTransport({ server: options.server, settings, maxMessageBytes })
  return yield* connect({ ...options, transport }).pipe(Effect.catch(explain))
})
