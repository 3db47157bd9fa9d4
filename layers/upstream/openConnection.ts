/** Opens a connection to a configured server over the transport that its settings name. */
import type { FetchLike, Transport } from "@modelcontextprotocol/client"
import { Effect, Redacted } from "effect"
import type { CallerFetch } from "./callerFetch.ts"
import { connect, type ConnectOptions } from "./Connection.ts"
import { type EventLimitOptions, limitEvents } from "./EventLimit.ts"
import type { Account } from "./oauth/Account.ts"
import { postRequest } from "./postRequest.ts"
import type { ServerSettings } from "./section.ts"
import { stdioTransport } from "./stdioTransport.ts"
import { webSocketTransport } from "./webSocketTransport.ts"

export interface OpenOptions extends Omit<ConnectOptions, "transport" | "post" | "write"> {
  readonly settings: ServerSettings
  readonly maxMessageBytes: number
  /** Makes the requests to a URL. Default: the runtime's `fetch`. */
  readonly fetch?: CallerFetch | undefined
  /** Id of this service, for servers that it starts. */
  readonly instance?: Effect.Effect<string> | undefined
  /** Signs in at the server. Absent: requests have the configured headers only. */
  readonly account?: Account | undefined
}

/** Maximum time for the end of a session at its server. */
const farewell = "1 second"

const remoteTransport = async ({ account, fetch: given, maxMessageBytes, settings }: OpenOptions) => {
  const { SSEClientTransport, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client")
  const headers = Object.fromEntries(
    Object.entries(settings.headers ?? {}).map(([name, value]) => [name.toLowerCase(), Redacted.value(value)])
  )
  const url = new URL(settings.url ?? "")
  if (url.protocol === "ws:" || url.protocol === "wss:") {
    return { transport: webSocketTransport({ url, headers, route: given?.route, maxMessageBytes }) }
  }
  const request = given ?? fetch
  const eventLimit: EventLimitOptions = {
    maxBytes: maxMessageBytes,
    onTooLarge: (error) => made.onerror?.(error)
  }
  const limited: FetchLike = async (to, init) => limitEvents(await request(to, init), eventLimit)
  const options = {
    requestInit: { headers },
    fetch: account?.observed(limited) ?? limited,
    ...(account !== undefined && { authProvider: account.authProvider }),
    onInsufficientScope: "throw" as const
  }
  const streamable = settings.type === "sse" ? undefined : new StreamableHTTPClientTransport(url, options)
  const made: Transport = streamable ?? new SSEClientTransport(url, options)
  if (streamable === undefined) return { transport: made }
  return {
    transport: made,
    post: postRequest({
      url,
      headers,
      fetch: request,
      maxBytes: maxMessageBytes,
      transport: streamable,
      token: account?.accessToken
    }),
    endSession: () => streamable.terminateSession()
  }
}

export const openConnection = Effect.fnUntraced(function* (given: OpenOptions) {
  const { account: _account, fetch: _fetch, instance, maxMessageBytes, settings, ...options } = given
  if (settings.command === undefined) {
    const { endSession, ...made } = yield* Effect.promise(() => remoteTransport(given))
    // Also when connecting is interrupted, which the SDK's client ignores.
    yield* Effect.addFinalizer(() => Effect.ignore(Effect.tryPromise(() => made.transport.close())))
    const connection = yield* connect({ ...options, ...made })
    yield* Effect.addFinalizer(() =>
      endSession === undefined || connection.isLost()
        ? Effect.void
        : Effect.ignore(Effect.timeout(Effect.tryPromise(endSession), farewell))
    )
    return connection
  }
  const { explain, transport, write } = yield* stdioTransport({
    server: options.server,
    settings,
    maxMessageBytes,
    instance
  })
  return yield* connect({ ...options, transport, write }).pipe(Effect.catch(explain))
})
