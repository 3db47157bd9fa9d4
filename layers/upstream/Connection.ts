/** One connection to an upstream server: the official SDK's client as effects, with requests sent beside it. */
import type {
  Client as SdkClient,
  JSONRPCMessage,
  MessageExtraInfo,
  RequestId,
  StandardSchemaV1,
  Transport
} from "@modelcontextprotocol/client"
import { Clock, Deferred, Duration, Effect, Exit, Scope } from "effect"
import { isObject, type JsonObject } from "../../src/domain/JsonObject.ts"
import { program } from "../../src/domain/version.ts"
import { makeHangCheck, type HangCheckOptions } from "./hangCheck.ts"
import { withRounds, type Answer } from "./inputRounds.ts"
import { listening, listFilter } from "./listen.ts"
import { MessageTooLarge, PendingRequests, type Progress } from "./PendingRequests.ts"
import type { Post } from "./postRequest.ts"
import { requestFailure } from "./requestError.ts"
import { UpstreamError } from "./UpstreamError.ts"
import { monotonicMillis } from "../platform/monotonic.ts"

/** The server's requests reach callers as the server sent them. */
const anything: StandardSchemaV1<JsonObject, JsonObject> = {
  "~standard": {
    version: 1,
    vendor: "manifold",
    validate: (value) => (isObject(value) ? { value } : { issues: [{ message: "Expected a JSON object" }] })
  }
}

export interface RequestOptions {
  readonly onProgress?: (progress: Progress) => void
  /** Passed to `ask` and `onNotification` with what a session-era server sends on the stream of this request. */
  readonly origin?: object
  /** Handles input requests of a 2026-07-28 server within this request. Absent: such a request fails. */
  readonly answer?: Answer
  /** Capabilities of the caller, for a 2026-07-28 server. Default: all capabilities of this client. */
  readonly capabilities?: () => JsonObject
  /** HTTP headers of this request, such as `Mcp-Param-*`, for a 2026-07-28 server. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/**
 * A session-era server's request to its client: sampling, elicitation or roots. `origin`: that of the request on whose stream it
 * arrived; absent on transports with one stream for all.
 */
export type Ask = (method: string, params: JsonObject, origin: object | undefined) => Promise<JsonObject>

export interface Connection {
  readonly era: "session" | "stateless"
  readonly protocolVersion: string | undefined
  readonly serverInfo: { readonly name: string; readonly version: string } | undefined
  readonly capabilities: JsonObject
  readonly instructions: string | undefined
  /** Interruption cancels the request at the server. The caller sets the time limit. */
  readonly request: (
    method: string,
    params: JsonObject,
    options?: RequestOptions
  ) => Effect.Effect<JsonObject, UpstreamError>
  /** Subscribes to updates of the resource, which arrive as `notifications/resources/updated`, until the scope closes. */
  readonly subscribe: (uri: string) => Effect.Effect<void, UpstreamError, Scope.Scope>
  /** Done when the connection is lost. */
  readonly lost: Effect.Effect<void>
  readonly isLost: () => boolean
}

export interface ConnectOptions {
  readonly server: string
  readonly transport: Transport
  /** Sends requests instead of the transport, whose handshake it follows. */
  readonly post?: Post | undefined
  /** The same for a transport that sends at once and reports failures as a lost connection. */
  readonly write?: ((message: object) => void) | undefined
  readonly timeout: Duration.Duration
  /** A server that does not answer a request, and then no ping for this long, is treated as lost. Absent: never. */
  readonly pingAfter?: Duration.Duration | undefined
  readonly ask: Ask
  readonly onNotification: (method: string, params: JsonObject, origin?: object) => void
  /** A ping got no response and is repeated; `undefined`: the server answers again. */
  readonly onPing?: HangCheckOptions["onPing"]
}

const asks = ["sampling/createMessage", "elicitation/create", "roots/list"] as const
const asked: ReadonlySet<string> = new Set(asks)
const notifications = [
  "notifications/tools/list_changed",
  "notifications/prompts/list_changed",
  "notifications/resources/list_changed",
  "notifications/resources/updated"
] as const
/** Delivered before the response that follows them, which the SDK's client does not guarantee. */
const ordered: ReadonlySet<string> = new Set(["notifications/message", "notifications/elicitation/complete"])

const ownInfo = { name: program.name, version: program.version }
const ownCapabilities = { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: false } }

const metaPrefix = "io.modelcontextprotocol/"

/** `_meta` of a 2026-07-28 request. A caller gets all log messages, and filters them. */
const statelessMeta = (version: string | undefined, capabilities: JsonObject | undefined): JsonObject => ({
  [`${metaPrefix}protocolVersion`]: version,
  [`${metaPrefix}clientInfo`]: ownInfo,
  [`${metaPrefix}clientCapabilities`]: capabilities ?? ownCapabilities,
  ...(capabilities !== undefined && { [`${metaPrefix}logLevel`]: "debug" })
})

/** The params with `_meta` of this request added to the caller's. */
const withMeta = (params: JsonObject, own: JsonObject | undefined, progressToken: string | undefined) => {
  const { _meta: given } = params
  if (own === undefined && progressToken === undefined) return params
  if (own === undefined && given === undefined) return { ...params, _meta: { progressToken } }
  return {
    ...params,
    _meta: {
      ...own,
      ...(isObject(given) && given),
      ...(progressToken !== undefined && { progressToken })
    }
  }
}

/** Methods whose results may ask for input (MCP 2026-07-28, multi-round-trip requests). */
const mayAsk: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"])

/** Origins of the server's requests that were received and not yet passed to `ask`, by the ids of these requests. */
type Origins = Map<RequestId, object>

const setUp = async (
  { ask, onNotification, timeout, transport }: ConnectOptions,
  origins: Origins,
  signal: AbortSignal
) => {
  const { Client } = await import("@modelcontextprotocol/client")
  const client: SdkClient = new Client(ownInfo, {
    capabilities: ownCapabilities,
    versionNegotiation: { mode: "auto" },
    inputRequired: { autoFulfill: false }
  })
  for (const method of asks) {
    client.setRequestHandler(method, { params: anything, result: anything }, (params, { mcpReq }) => {
      const origin = origins.get(mcpReq.id)
      origins.delete(mcpReq.id)
      return ask(method, params, origin)
    })
  }
  for (const method of notifications) {
    client.setNotificationHandler(method, { params: anything }, (params) => onNotification(method, params))
  }
  await client.connect(transport, { timeout: Duration.toMillis(timeout), signal })
  return client
}

/** Connects and negotiates the protocol version; the connection closes with the scope. */
export const connect = (options: ConnectOptions): Effect.Effect<Connection, UpstreamError, Scope.Scope> =>
  Effect.gen(function* () {
    const { onNotification, onPing = () => Effect.void, pingAfter, server, transport } = options
    const scope = yield* Effect.scope
    const clock = yield* Clock.Clock
    const lost = yield* Deferred.make<void>()
    const lose = () => void Deferred.doneUnsafe(lost, Exit.void)
    const origins: Origins = new Map()
    const client = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: (signal) => setUp(options, origins, signal),
        catch: (cause) => requestFailure(cause, { server, session: false, stage: "negotiate" }).error
      }),
      (connected) => Effect.ignore(Effect.promise(() => connected.close())),
      { interruptible: true }
    )
    const pending = new PendingRequests()
    client.onerror = (error) => {
      if (error instanceof MessageTooLarge && error.id !== undefined) pending.fail(error.id, error)
    }
    client.onclose = () => {
      lose()
      pending.failAll(new Error("the connection was closed before the response"))
    }
    const stateless = client.getProtocolEra() === "modern"
    const version = client.getNegotiatedProtocolVersion()
    const toSdk = transport.onmessage
    let received = 0
    const receive = (message: JSONRPCMessage, extra: MessageExtraInfo | undefined, origin?: object) => {
      received++
      if (pending.accept(message)) return
      if ("method" in message) {
        if (ordered.has(message.method)) return onNotification(message.method, { ...message.params }, origin)
        if (origin !== undefined && !stateless && "id" in message && asked.has(message.method)) {
          origins.set(message.id, origin)
        }
      }
      toSdk?.(message, extra)
    }
    transport.onmessage = (message, extra) => receive(message, extra)
    const post: Post = options.post ?? ((message) => transport.send({ jsonrpc: "2.0", ...message }))

    const cancel = (requestId: string) => {
      const notification = {
        jsonrpc: "2.0" as const,
        method: "notifications/cancelled",
        params: { requestId, ...(stateless && { _meta: statelessMeta(version, undefined) }) }
      }
      return Effect.ignore(Effect.tryPromise(() => transport.send(notification)))
    }

    const failed = (cause: unknown) => {
      const failure = requestFailure(cause, {
        server,
        session: transport.sessionId !== undefined,
        stage: "call"
      })
      if (failure.lost) lose()
      return Effect.fail(failure.error)
    }

    const checkHang =
      pingAfter &&
      makeHangCheck({
        server,
        after: pingAfter,
        // Since 2026-07-28 there is no ping.
        ping: Effect.suspend(() => send(stateless ? "server/discover" : "ping", {})),
        onPing,
        received: () => received,
        hasEarlier: (id) => pending.hasBefore(id),
        lose
      })

    const send = (
      method: string,
      params: JsonObject,
      { capabilities, headers, onProgress, origin }: RequestOptions = {}
    ): Effect.Effect<JsonObject, UpstreamError> =>
      Effect.callback((resume) => {
        let aborting: AbortController | undefined
        const sent = checkHang && { sentAt: monotonicMillis(clock), received }
        const id = pending.add({
          succeed: (result) => {
            const { resultType } = result
            if (resultType === undefined || resultType === "input_required") resume(Effect.succeed(result))
            else if (resultType === "complete" || !stateless) {
              const { resultType: _complete, ...others } = result
              resume(Effect.succeed(others))
            } else {
              resume(
                failed(new Error(`the server sent a result of the unknown type "${String(resultType)}"`))
              )
            }
          },
          fail: (cause) => {
            resume(failed(cause))
            aborting?.abort()
          },
          onProgress
        })
        const own = stateless ? statelessMeta(version, capabilities?.()) : undefined
        const withOwn = withMeta(params, own, onProgress === undefined ? undefined : id)
        if (options.write === undefined) {
          post(
            { id, method, params: withOwn },
            {
              // The SDK ignores what it does not know.
              deliver: (message) => receive(message as JSONRPCMessage, undefined, origin),
              headers: stateless ? headers : undefined,
              signal: () => (aborting ??= new AbortController()).signal,
              stateless,
              version,
              waits: () => pending.has(id)
            }
          ).catch((cause: unknown) => pending.fail(id, cause))
        } else options.write({ jsonrpc: "2.0", id, method, params: withOwn })
        return Effect.suspend(() => {
          if (!pending.remove(id)) return Effect.void
          const told = stateless && transport.hasPerRequestStream === true ? Effect.void : cancel(id)
          return told.pipe(
            Effect.andThen(Effect.sync(() => aborting?.abort())),
            Effect.andThen(checkHang && sent ? Scope.provide(checkHang({ id, ...sent }), scope) : Effect.void)
          )
        })
      })

    const request: Connection["request"] = (method, params, requestOptions = {}) =>
      stateless && mayAsk.has(method)
        ? withRounds(server, params, (each) => send(method, each, requestOptions), requestOptions.answer)
        : send(method, params, requestOptions)

    const subscribe: Connection["subscribe"] = (uri) =>
      stateless
        ? listening(
            server,
            client,
            { resourceSubscriptions: [uri] },
            { missed: () => onNotification("notifications/resources/updated", { uri }), gone: lose }
          )
        : Effect.asVoid(
            Effect.acquireRelease(send("resources/subscribe", { uri }), () =>
              Deferred.isDoneUnsafe(lost)
                ? Effect.void
                : Effect.ignore(send("resources/unsubscribe", { uri }))
            )
          )

    // In the session era servers announce changed lists on the connection; since 2026-07-28 clients must subscribe.
    const filter = listFilter(client)
    if (stateless && Object.keys(filter).length > 0) {
      const missed = () => onNotification("notifications/tools/list_changed", {})
      // The lists of a server that does not support this are served without updates.
      yield* Effect.ignore(listening(server, client, filter, { missed, gone: lose }))
    }
    return {
      era: stateless ? "stateless" : "session",
      protocolVersion: version,
      serverInfo: client.getServerVersion(),
      capabilities: { ...client.getServerCapabilities() },
      instructions: client.getInstructions(),
      request,
      subscribe,
      lost: Deferred.await(lost),
      isLost: () => Deferred.isDoneUnsafe(lost)
    }
  })
