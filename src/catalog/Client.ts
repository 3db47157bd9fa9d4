/** The client of a running call: log messages, elicitation, sampling and roots. */
import { Context, Effect, Layer, Schema } from "effect"
import type { Icon } from "../domain/Content.ts"
import type { JsonObject } from "../domain/JsonObject.ts"
import type { SamplingBlock } from "../domain/Sampling.ts"
import { jsonSchema } from "./jsonSchema.ts"

export const Level = Schema.Literals([
  "debug",
  "info",
  "notice",
  "warning",
  "error",
  "critical",
  "alert",
  "emergency"
])
export type Level = typeof Level.Type

/** A form for the user. `schema` is a flat JSON Schema object (MCP 2025-06-18, elicitation). */
export interface Elicit {
  readonly kind: "elicit"
  readonly message: string
  readonly schema: JsonObject
}
/** A page for the user to visit, for data that must not pass through the client (MCP 2025-11-25, URL mode). */
export interface Visit {
  readonly kind: "visit"
  readonly message: string
  readonly url: string
  /** Identifies the elicitation in `notifications/elicitation/complete`; by default a new id. MCP 2025-11-25 only. */
  readonly elicitationId?: string
}
export interface SamplingMessage {
  readonly role: "user" | "assistant"
  readonly content: SamplingBlock | ReadonlyArray<SamplingBlock>
  readonly _meta?: JsonObject
}
/** A tool that the client's model may call in one sampling request. */
export interface SamplingTool {
  readonly name: string
  readonly title?: string
  readonly description?: string
  readonly inputSchema: JsonObject
  readonly outputSchema?: JsonObject
  readonly annotations?: JsonObject
  readonly icons?: ReadonlyArray<Icon>
  readonly _meta?: JsonObject
}
/**
 * A completion by the client's own model: `CreateMessageRequest` of MCP 2025-11-25, with its field names. `tools` and
 * `toolChoice` need the client's capability `sampling.tools`, `thisServer` and `allServers` need `sampling.context`.
 */
export interface Sample {
  readonly kind: "sample"
  readonly messages: ReadonlyArray<SamplingMessage>
  /** In tokens. */
  readonly maxTokens: number
  readonly systemPrompt?: string
  readonly temperature?: number
  readonly modelPreferences?: {
    /** Substrings of model names, by preference. */
    readonly hints?: ReadonlyArray<{ readonly name?: string }>
    /** Each from 0 to 1. */
    readonly costPriority?: number
    readonly speedPriority?: number
    readonly intelligencePriority?: number
  }
  readonly includeContext?: "none" | "thisServer" | "allServers"
  readonly stopSequences?: ReadonlyArray<string>
  /** For the model provider. */
  readonly metadata?: JsonObject
  readonly tools?: ReadonlyArray<SamplingTool>
  readonly toolChoice?: { readonly mode?: "auto" | "required" | "none" }
}
/** The workspace folders of the client. */
export interface Roots {
  readonly kind: "roots"
}
export type InputRequest = Elicit | Visit | Sample | Roots

export interface Elicited {
  readonly action: "accept" | "decline" | "cancel"
  readonly content?: JsonObject
}
export interface Sampled {
  readonly role: "user" | "assistant"
  readonly content: SamplingBlock | ReadonlyArray<SamplingBlock>
  readonly model: string
  /** `endTurn`, `stopSequence`, `maxTokens`, `toolUse`, or the provider's own. */
  readonly stopReason?: string
  readonly _meta?: JsonObject
}
export interface RootList {
  readonly roots: ReadonlyArray<{ readonly uri: string; readonly name?: string }>
}
export type InputResponse<Q extends InputRequest> = Q extends Elicit | Visit
  ? Elicited
  : Q extends Sample
    ? Sampled
    : Q extends Roots
      ? RootList
      : never

/** The client does not support the request, or its response failed. */
export class ClientError extends Schema.TaggedError<ClientError>()("ClientError", {
  reason: Schema.Literals(["unsupported", "failed"]),
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

export class Client extends Context.Service<
  Client,
  {
    /** Whether the client has declared the capability. */
    readonly supports: (kind: InputRequest["kind"]) => boolean
    /** Identity of the client: the same session, connection or turn for all of its calls. Absent: the client is only itself. */
    readonly identity?: () => object | undefined
    /** Sends a log message, if the client's log level includes it. */
    readonly log: (level: Level, data: unknown, logger?: string) => Effect.Effect<void>
    /**
     * Sends all requests together and waits for the responses. A client that does not support one of them may end the
     * call, without a chance to recover: check `supports` first. A stateless client responds with a new request, so the
     * handler may be **run again from its start** with the earlier responses: its work before `ask` must be safe to
     * repeat, and keys must be the same each time.
     */
    readonly ask: <const Requests extends Readonly<Record<string, InputRequest>>>(
      requests: Requests
    ) => Effect.Effect<{ readonly [Key in keyof Requests]: InputResponse<Requests[Key]> }, ClientError>
    /** Says that the page of a URL elicitation was finished, also after the call. MCP 2025-11-25 only. */
    readonly completed: (elicitationId: string) => Effect.Effect<void>
    /** Closes the connection while the call continues; a client that supports resumption reconnects for the result. */
    readonly release: Effect.Effect<void>
  }
>()("manifold/catalog/Client") {
  /** For callers without a client, such as scripts. */
  static readonly absent = Client.of({
    supports: () => false,
    log: () => Effect.void,
    ask: () =>
      Effect.fail(
        new ClientError({ reason: "unsupported", detail: "This caller does not support requests for input." })
      ),
    completed: () => Effect.void,
    release: Effect.void
  })
  static readonly layerAbsent = Layer.succeed(Client, Client.absent)
}

/** Elicitation: asks the user to fill in a form. The response is decoded by `schema`. */
export const elicit = Effect.fn("Client.elicit")(function* <S extends Schema.Codec<unknown, unknown>>(
  message: string,
  schema: S,
  key = "elicit"
) {
  const client = yield* Client
  const answers = yield* client.ask({
    [key]: { kind: "elicit", message, schema: jsonSchema(schema) }
  } as Record<string, Elicit>)
  const answer = answers[key]
  if (answer?.action !== "accept") return { action: answer?.action ?? "cancel" } as const
  const content = yield* Schema.decodeUnknownEffect(Schema.toCodecJson(schema))(answer.content).pipe(
    Effect.mapError(
      (error) =>
        new ClientError({
          reason: "failed",
          detail: `The form's response does not match its schema: ${error.message}`
        })
    )
  )
  return { action: "accept", content: content as S["Type"] } as const
})

/** Sampling: requests a completion from the client's model. */
export const sample = (request: Omit<Sample, "kind">, key = "sample") =>
  Client.use((client) => client.ask({ [key]: { kind: "sample", ...request } as Sample })).pipe(
    Effect.map((answers) => answers[key] as Sampled)
  )
