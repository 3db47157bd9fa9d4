/** One connection to an upstream server: the official SDK's client as effects, with raw results. */
import type { Client as SdkClient, StandardSchemaV1, Transport } from "@modelcontextprotocol/client"
import { Deferred, Duration, Effect, Exit, Schema, type Scope } from "effect"
import { isObject, type JsonObject } from "../../src/domain/JsonObject.ts"
import { program } from "../../src/domain/version.ts"
import { UpstreamError, type Stage } from "./UpstreamError.ts"

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
}

/** A request that the server makes of its client: sampling, elicitation or roots. */
export type Ask = (method: string, params: JsonObject) => Promise<JsonObject>

export interface Connection {
  readonly era: "session" | "stateless"
  readonly protocolVersion: string | undefined
  readonly serverInfo: { readonly name: string; readonly version: string } | undefined
  readonly capabilities: JsonObject
  readonly instructions: string | undefined
  /** Interruption cancels the request at the server. Time limits are the caller's. */
  readonly request: (
    method: string,
    params: JsonObject,
    options?: RequestOptions
  ) => Effect.Effect<JsonObject, UpstreamError>
  /** Done when the connection is lost. */
  readonly lost: Effect.Effect<void>
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

const isError = Schema.is(Schema.Struct({ code: Schema.Finite, message: Schema.String }))

const toError = (server: string, stage: Stage) => (cause: unknown) => {
  const detail = cause instanceof Error ? cause.message : String(cause)
  const rejected = isError(cause)
  return new UpstreamError({
    server,
    stage,
    detail,
    unsent: stage !== "call",
    ...(rejected && { code: cause.code }),
    ...(rejected && "data" in cause && { data: cause.data })
  })
}

/** In the session era servers announce changed lists on the connection; since 2026-07-28 they must be asked to. */
const listen = async (client: SdkClient) => {
  const { prompts, resources, tools } = client.getServerCapabilities() ?? {}
  const filter = {
    ...(tools?.listChanged === true && { toolsListChanged: true }),
    ...(prompts?.listChanged === true && { promptsListChanged: true }),
    ...(resources?.listChanged === true && { resourcesListChanged: true })
  }
  // The lists that the server has now are served all the same.
  if (Object.keys(filter).length > 0) await client.listen(filter).catch(() => undefined)
}

const setUp = async ({ ask, onNotification, timeout, transport }: ConnectOptions, signal: AbortSignal) => {
  const { Client } = await import("@modelcontextprotocol/client")
  const client: SdkClient = new Client(
    { name: program.name, version: program.version },
    {
      capabilities: { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: false } },
      versionNegotiation: { mode: "auto" }
    }
  )
  for (const method of asks) {
    client.setRequestHandler(method, { params: anything, result: anything }, (params) => ask(method, params))
  }
  for (const method of notifications) {
    client.setNotificationHandler(method, { params: anything }, (params) => onNotification(method, params))
  }
  await client.connect(transport, { timeout: Duration.toMillis(timeout), signal })
  if (client.getProtocolEra() === "modern") await listen(client)
  return client
}

/** Connects and negotiates the protocol version; the connection closes with the scope. */
export const connect = (options: ConnectOptions): Effect.Effect<Connection, UpstreamError, Scope.Scope> =>
  Effect.gen(function* () {
    const { server } = options
    const lost = yield* Deferred.make<void>()
    const client = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: (signal) => setUp(options, signal),
        catch: toError(server, "negotiate")
      }),
      (connected) => Effect.ignore(Effect.promise(() => connected.close())),
      { interruptible: true }
    )
    client.onclose = () => Deferred.doneUnsafe(lost, Exit.void)
    return {
      era: client.getProtocolEra() === "modern" ? "stateless" : "session",
      protocolVersion: client.getNegotiatedProtocolVersion(),
      serverInfo: client.getServerVersion(),
      capabilities: { ...client.getServerCapabilities() },
      instructions: client.getInstructions(),
      request: (method, params, { onProgress } = {}) =>
        Effect.tryPromise({
          try: (signal) =>
            client.request({ method, params }, anything, {
              signal,
              timeout: never,
              ...(onProgress !== undefined && { onprogress: onProgress })
            }),
          catch: toError(server, "call")
        }),
      lost: Deferred.await(lost)
    }
  })
