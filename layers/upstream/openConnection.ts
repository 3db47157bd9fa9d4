/** Opens a connection to a configured server over the transport that its settings name. */
import { Effect, Redacted } from "effect"
import type { CallerFetch } from "./callerFetch.ts"
import { connect, type ConnectOptions } from "./Connection.ts"
import { postRequest } from "./postRequest.ts"
import type { ServerSettings } from "./section.ts"
import { stdioTransport } from "./stdioTransport.ts"
import { webSocketTransport } from "./webSocketTransport.ts"

export interface OpenOptions extends Omit<ConnectOptions, "transport" | "post"> {
  readonly settings: ServerSettings
  readonly maxMessageBytes: number
  /** Makes the requests to a URL. Default: the runtime's `fetch`. */
  readonly fetch?: CallerFetch | undefined
}

const remoteTransport = async ({
  fetch: given,
  maxMessageBytes,
  settings
}: Pick<OpenOptions, "fetch" | "maxMessageBytes" | "settings">) => {
  const { SSEClientTransport, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client")
  const headers = Object.fromEntries(
    Object.entries(settings.headers ?? {}).map(([name, value]) => [name.toLowerCase(), Redacted.value(value)])
  )
  const url = new URL(settings.url ?? "")
  if (url.protocol === "ws:" || url.protocol === "wss:") {
    return { transport: webSocketTransport({ url, headers, route: given?.route, maxMessageBytes }) }
  }
  const options = { requestInit: { headers }, ...(given !== undefined && { fetch: given }) }
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
    const made = yield* Effect.promise(() => remoteTransport({ settings, fetch, maxMessageBytes }))
    // Also when connecting is interrupted, which the SDK's client ignores.
    yield* Effect.addFinalizer(() => Effect.ignore(Effect.tryPromise(() => made.transport.close())))
    return yield* connect({ ...options, ...made })
  }
  const { explain, transport } = yield* stdioTransport({ server: options.server, settings, maxMessageBytes })
  return yield* connect({ ...options, transport }).pipe(Effect.catch(explain))
})
