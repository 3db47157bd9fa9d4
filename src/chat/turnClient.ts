/** The client of tools that run in a turn: the user answers forms, the model of the conversation answers sampling. */
import { Effect, Stream } from "effect"
import type * as Prompt from "effect/ai/Prompt"
import { finished } from "../../layers/models/finished.ts"
import type { Models } from "../../layers/models/Models.ts"
import {
  Client,
  ClientError,
  type InputRequest,
  type InputResponse,
  type Sample,
  type Sampled
} from "../catalog/Client.ts"
import type { SamplingBlock } from "../domain/Sampling.ts"
import type { ToolCall } from "./runTools.ts"
import type { Turn } from "./Turn.ts"

const unsupported = (detail: string) => new ClientError({ reason: "unsupported", detail })

const textOf = (content: SamplingBlock | ReadonlyArray<SamplingBlock>): string =>
  [content]
    .flat()
    .flatMap((block) => (block.type === "text" ? [block.text] : []))
    .join("\n")

const sampled = Effect.fnUntraced(function* (
  models: Models["Service"],
  { options }: Turn,
  { maxTokens, messages, systemPrompt, temperature }: Sample
) {
  const prompt: Array<Prompt.MessageEncoded> = [
    ...(systemPrompt === undefined ? [] : [{ role: "system" as const, content: systemPrompt }]),
    ...messages.map(({ content, role }): Prompt.MessageEncoded => ({ role, content: textOf(content) }))
  ]
  const parts = yield* Stream.runCollect(
    models.stream({
      prompt,
      maxTokens,
      ...(temperature !== undefined && { temperature }),
      ...(options.provider !== undefined && { provider: options.provider }),
      ...(options.model !== undefined && { model: options.model })
    })
  ).pipe(Effect.mapError((error) => new ClientError({ reason: "failed", detail: error.message })))
  const text = parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join("")
  const { model, stop_reason } = finished(parts.find((part) => part.type === "finish"))
  return {
    role: "assistant",
    content: { type: "text", text },
    model,
    stopReason: stop_reason === "length" ? "maxTokens" : "endTurn"
  } satisfies Sampled
})

export const turnClient = (models: Models["Service"], turn: Turn, call: ToolCall): Client["Service"] => {
  const one = Effect.fnUntraced(function* (request: InputRequest) {
    if (request.kind === "sample") return yield* sampled(models, turn, request)
    if (request.kind === "roots") return yield* unsupported("A conversation has no workspace folders.")
    if (!turn.canAnswer)
      return yield* unsupported("This client of the chat cannot answer requests for input.")
    const { action, content } = yield* turn
      .ask({
        reason: request.kind === "elicit" ? "elicitation" : "visit",
        message: request.message,
        tool_call_id: call.id,
        ...(request.kind === "elicit" ? { response_schema: request.schema } : { url: request.url })
      })
      .pipe(Effect.mapError((error) => new ClientError({ reason: "failed", detail: error.message })))
    return {
      action: action === "expired" ? "cancel" : action,
      ...(content !== undefined && { content })
    } as const
  })
  return Client.of({
    ...Client.absent,
    identity: () => turn,
    supports: (kind) => kind === "sample" || (kind !== "roots" && turn.canAnswer),
    // Each response is that of the request with its key.
    ask: ((requests: Readonly<Record<string, InputRequest>>) =>
      Effect.forEach(
        Object.entries(requests),
        ([key, request]) =>
          Effect.map(one(request), (response: InputResponse<InputRequest>) => [key, response] as const),
        { concurrency: "unbounded" }
      ).pipe(Effect.map((given) => Object.fromEntries(given)))) as Client["Service"]["ask"]
  })
}
