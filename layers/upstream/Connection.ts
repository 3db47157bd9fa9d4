/** One connection to an upstream server: the official SDK's client as effects, with raw results. */
import type { Client as SdkClient, StandardSchemaV1, Transport } from "@modelcontextprotocol/client"
import { Deferred, Duration, Effect, Exit, type Scope } from "effect"
import { isObject, type JsonObject } from "../../src/domain/JsonObject.ts"
import { program } from "../../src/domain/version.ts"
import { withRounds, type Answer } from "./inputRounds.ts"
import { listening, listFilter } from "./listen.ts"
import { requestFailure } from "./requestError.ts"
import type { UpstreamError } from "./UpstreamError.ts"

/** Results reach callers as the server sent them. */
const anything: StandardSchemaV1<JsonObject, JsonObject> = {
  "~standard": {
    version: 1,
    vendor: "manifold",
    validate: (value) => (isObject(value) ? { value } : { issues: [{ message: "Expected a JSON object" }] })
  }
}

export interface Progress {
  readonly progress: number
  readonly total?: number | undefined
  readonly message?: string | undefined
}

export interface RequestOptions {
  readonly onProgress?: (progress: Progress) => void
  /** Handles input requests of a 2026-07-28 server within this request. Absent: such a request fails. */
  readonly answer?: Answer
  /** Capabilities of the caller, for a 2026-07-28 server. Default: all capabilities of this client. */
  readonly capabilities?: JsonObject
}

/** A session-era server's request to its client: sampling, elicitation or roots. */
export type Ask = (method: string, params: JsonObject) => Promise<JsonObject>

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
  readonly timeout: Duration.Duration
  readonly ask: Ask
  readonly onNotification: (method: string, params: JsonObject) => void
}

/** Longer than any call: time limits are Guard's. The SDK's timer takes at most 2^31 − 1 ms. */
const never = 2 ** 31 - 1

const asks = ["sampling/createMessage", "elicitation/create", "roots/list"] as const
const notifications = [
  "notifications/tools/list_changed",
  "notifications/prompts/list_changed",
  "notifications/resources/list_changed",
  "notifications/resources/updated",
  "notifications/message"
] as const

const capabilitiesKey = "io.modelcontextprotocol/clientCapabilities"
const logLevelKey = "io.modelcontextprotocol/logLevel"

/** The request of a caller with these capabilities, who gets all log messages and filters them. */
const forCaller = (params: JsonObject, capabilities: JsonObject): JsonObject => ({
  ...params,
  _meta: { ...Object(params._meta), [capabilitiesKey]: capabilities, [logLevelKey]: "debug" }
})

/** Methods whose results may ask for input (MCP 2026-07-28, multi-round-trip requests). */
const mayAsk: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"])

const setUp = async ({ ask, onNotification, timeout, transport }: ConnectOptions, signal: AbortSignal) => {
  const { Client } = await import("@modelcontextprotocol/client")
  const client: SdkClient = new Client(
    { name: program.name, version: program.version },
    {
      capabilities: { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: false } },
      versionNegotiation: { mode: "auto" },
      inputRequired: { autoFulfill: false }
    }
  )
  for (const method of asks) {
    client.setRequestHandler(method, { params: anything, result: anything }, (params) => ask(method, params))
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
    const { onNotification, server, transport } = options
    const lost = yield* Deferred.make<void>()
    const lose = () => void Deferred.doneUnsafe(lost, Exit.void)
    const client = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: (signal) => setUp(options, signal),
        catch: (cause) => requestFailure(cause, { server, session: false, stage: "negotiate" }).error
      }),
      (connected) => Effect.ignore(Effect.promise(() => connected.close())),
      { interruptible: true }
    )
    client.onclose = lose
    const stateless = client.getProtocolEra() === "modern"

    const send = (
      method: string,
      params: JsonObject,
      { capabilities, onProgress }: RequestOptions = {}
    ): Effect.Effect<JsonObject, UpstreamError> =>
      Effect.tryPromise({
        try: (signal) =>
          client.request(
            {
              method,
              params: stateless && capabilities !== undefined ? forCaller(params, capabilities) : params
            },
            anything,
            {
              signal,
              timeout: never,
              ...(stateless && { allowInputRequired: true }),
              ...(onProgress !== undefined && { onprogress: onProgress })
            }
          ),
        catch: (cause) => {
          const session = transport.sessionId !== undefined
          const failure = requestFailure(cause, { server, session, stage: "call" })
          if (failure.lost) lose()
          return failure.error
        }
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
      protocolVersion: client.getNegotiatedProtocolVersion(),
      serverInfo: client.getServerVersion(),
      capabilities: { ...client.getServerCapabilities() },
      instructions: client.getInstructions(),
      request,
      subscribe,
      lost: Deferred.await(lost),
      isLost: () => Deferred.isDoneUnsafe(lost)
    }
  })
