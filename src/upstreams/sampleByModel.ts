/** Sampling requests of upstream servers, answered by the active model for a client that has no model. */
import { Effect, Stream } from "effect"
import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import { finished } from "../../layers/models/finished.ts"
import type { Models } from "../../layers/models/Models.ts"
import { Client, ClientError, type InputRequest, type Sample, type Sampled } from "../catalog/Client.ts"
import type { SamplingBlock } from "../domain/Sampling.ts"

const failed = (detail: string) => new ClientError({ reason: "failed", detail })

/** Other kinds of content are for clients with tools or audio, which the request can do without. */
const partOf = (
  block: SamplingBlock
): Effect.Effect<Prompt.TextPartEncoded | Prompt.FilePartEncoded, ClientError> => {
  if (block.type === "text") return Effect.succeed({ type: "text", text: block.text })
  if (block.type === "image") {
    return Effect.succeed({ type: "file", mediaType: block.mimeType, data: block.data })
  }
  return Effect.fail(
    failed(`The active model accepts text and images in sampling requests, not ${block.type}.`)
  )
}

const blocksOf = (content: SamplingBlock | ReadonlyArray<SamplingBlock>): ReadonlyArray<SamplingBlock> =>
  "type" in content ? [content] : content

const messageOf = Effect.fnUntraced(function* ({ content, role }: Sample["messages"][number]) {
  const parts = yield* Effect.forEach(blocksOf(content), partOf)
  if (role === "user") return { role, content: parts }
  return { role, content: parts.filter((part) => part.type === "text") }
})

const stopReasons: Readonly<Record<string, string>> = { stop: "endTurn", length: "maxTokens" }

/** The call of the model is nested in the running call: its cost is charged to the caller, within the caller's budget. */
const sample = Effect.fnUntraced(
  function* (models: Models["Service"], request: Sample) {
    const { maxTokens, messages, systemPrompt, temperature, tools = [] } = request
    if (tools.length > 0)
      return yield* failed("The active model does not call the tools of sampling requests.")
    const system = systemPrompt === undefined ? [] : [{ role: "system" as const, content: systemPrompt }]
    const prompt: Prompt.RawInput = [...system, ...(yield* Effect.forEach(messages, messageOf))]
    let text = ""
    let last: Response.FinishPartEncoded | undefined
    yield* Stream.runForEach(models.stream({ prompt, maxTokens, temperature }), (part) =>
      Effect.sync(() => {
        if (part.type === "text-delta") text += part.delta
        else if (part.type === "finish") last = part
      })
    )
    const { model, stop_reason } = finished(last)
    const stopReason = stopReasons[stop_reason] ?? stop_reason
    return { role: "assistant", content: { type: "text", text }, model, stopReason } satisfies Sampled
  },
  Effect.mapError((error) => (error instanceof ClientError ? error : failed(error.message)))
)

/** One per client, because requests of two clients at a server of the session era are distinguished by it. */
const made = new WeakMap<Client["Service"], Client["Service"]>()

/** The client with the active model, unless it has its own; the same client while no model is configured. */
export const withModel = (client: Client["Service"], models: Models["Service"]): Client["Service"] => {
  if (client.supports("sample") || models.providers.length === 0) return client
  const known = made.get(client)
  if (known !== undefined) return known
  const ask = Effect.fnUntraced(function* (requests: Readonly<Record<string, InputRequest>>) {
    const others = Object.entries(requests).filter(([, { kind }]) => kind !== "sample")
    // A stateless client ends the call here, and the call runs again with the responses: the model is asked after that.
    const given = others.length === 0 ? {} : yield* client.ask(Object.fromEntries(others))
    const sampled = yield* Effect.forEach(Object.entries(requests), ([key, request]) =>
      request.kind === "sample"
        ? Effect.map(sample(models, request), (found) => [[key, found] as const])
        : Effect.succeed([])
    )
    return { ...given, ...Object.fromEntries(sampled.flat()) }
  })
  const service = Client.of({
    ...client,
    supports: (kind) => kind === "sample" || client.supports(kind),
    // Each response has the type of its request, which the keys do not express.
    ask: ask as Client["Service"]["ask"]
  })
  made.set(client, service)
  return service
}
