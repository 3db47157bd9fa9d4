/** What a handler may ask of the program that called it: log lines, answers from its user, its model, its roots. */
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
/** A page that the user should visit, for what must not pass through the client (MCP 2025-11-25, URL mode). */
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
/** A tool that the client's model may use in one request. */
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
    /** Parts of model names, by preference. */
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
/** The folders that the client works in. */
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

/** The client cannot or did not answer. */
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
    /** Whether the client said that it can answer such a question. */
    readonly supports: (kind: InputRequest["kind"]) => boolean
    /** Sends a log line, if the client wants lines of this level. */
    readonly log: (level: Level, data: unknown, logger?: string) => Effect.Effect<void>
    /**
     * Asks, and waits. All questions of one call go out together. A client that does not support a question may end
     * the call, past any recovery: look at `supports` first where that matters. A stateless client answers by calling
     * again, so that a handler may be **run again from its start** with the earlier answers in place: what it
     * does before it asks must be safe to repeat, and keys must be the same each time.
     */
    readonly ask: <const Requests extends Readonly<Record<string, InputRequest>>>(
      requests: Requests
    ) => Effect.Effect<{ readonly [Key in keyof Requests]: InputResponse<Requests[Key]> }, ClientError>
    /** Lets the connection go while the work goes on; a client that can resume comes back for the result. */
    readonly release: Effect.Effect<void>
  }
>()("manifold/catalog/Client") {
  /** A caller that can be told nothing and asked nothing, such as a script. */
  static readonly absent = Client.of({
    supports: () => false,
    log: () => Effect.void,
    ask: () =>
      Effect.fail(
        new ClientError({ reason: "unsupported", detail: "This caller cannot be asked for input." })
      ),
    release: Effect.void
  })
  static readonly layerAbsent = Layer.succeed(Client, Client.absent)
}

/** Asks the user to fill in a form that `schema` describes; the answer is decoded by it. */
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
      (error) => new ClientError({ reason: "failed", detail: `The form came back wrong: ${error.message}` })
    )
  )
  return { action: "accept", content: content as S["Type"] } as const
})

/** Asks the client's model; `maxTokens` bounds the answer. */
export const sample = (request: Omit<Sample, "kind">, key = "sample") =>
  Client.use((client) => client.ask({ [key]: { kind: "sample", ...request } as Sample })).pipe(
    Effect.map((answers) => answers[key] as Sampled)
  )
