/** Opens a connection to a configured server over the transport that its settings name. */
import { Effect, Redacted, Record } from "effect"
import { connect, type ConnectOptions } from "./Connection.ts"
import type { ServerSettings } from "./section.ts"
import { stdioTransport } from "./stdioTransport.ts"

export interface OpenOptions extends Omit<ConnectOptions, "transport"> {
  readonly settings: ServerSettings
  readonly maxMessageBytes: number
}

const httpTransport = async (settings: ServerSettings) => {
  const { SSEClientTransport, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client")
  const requestInit = { headers: Record.map(settings.headers ?? {}, (value) => Redacted.value(value)) }
  const url = new URL(settings.url ?? "")
  return settings.type === "sse"
    ? new SSEClientTransport(url, { requestInit })
    : new StreamableHTTPClientTransport(url, { requestInit })
}

export const openConnection = Effect.fnUntraced(function* ({
  maxMessageBytes,
  settings,
  ...options
}: OpenOptions) {
  if (settings.command === undefined) {
    const transport = yield* Effect.promise(() => httpTransport(settings))
    return yield* connect({ ...options, transport })
  }
  const { explain, transport } = yield* stdioTransport({ server: options.server, settings, maxMessageBytes })
  return yield* connect({ ...options, transport }).pipe(Effect.catch(explain))
})
