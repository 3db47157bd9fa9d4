/** OpenAI's Chat Completions and Images, which Groq and most other servers speak as well. */
import { Redacted } from "effect"
import OpenAI from "openai"
import type { ConfiguredFetch } from "../outbound/configuredFetch.ts"
import type { Adapter, Finish, ImageRequest, MadeImage, Sink, TextRequest } from "./Adapter.ts"
import { chatRequest } from "./chatRequest.ts"
import { ModelError } from "./ModelError.ts"
import { toFormat, toMessages, toTools } from "./openaiMessages.ts"
import type { Provider } from "./Provider.ts"
import { knownProvider } from "./providers.ts"
import { TextParts } from "./TextParts.ts"
import { ToolCallParts } from "./ToolCallParts.ts"
import { ToolNames } from "./toolNames.ts"
import { reported } from "./usage.ts"

const finishes: Readonly<Record<string, Finish>> = {
  stop: "stop",
  length: "length",
  tool_calls: "tool-calls",
  function_call: "tool-calls",
  content_filter: "content-filter"
}

/** Fields that are not OpenAI's: reasoning of DeepSeek, vLLM and Groq, and usage in Groq's older field. */
interface Extended {
  readonly reasoning_content?: unknown
  readonly reasoning?: unknown
}
const groqUsage = (chunk: object): OpenAI.CompletionUsage | undefined => {
  const { x_groq } = chunk as { readonly x_groq?: { readonly usage?: OpenAI.CompletionUsage } }
  return x_groq?.usage
}

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined

const usageOf = (usage: OpenAI.CompletionUsage) =>
  reported({
    input: usage.prompt_tokens,
    output: usage.completion_tokens,
    cached: usage.prompt_tokens_details?.cached_tokens,
    reasoning: usage.completion_tokens_details?.reasoning_tokens
  })

const sampling = ({ maxTokensField }: Provider, { maxTokens, temperature, topP }: TextRequest) => ({
  ...(temperature !== undefined && { temperature }),
  ...(topP !== undefined && { top_p: topP }),
  ...(maxTokens !== undefined && { [maxTokensField]: maxTokens })
})

/** Disables what the SDK does by itself: retries, time limits, logs and environment variables. */
const clientOf = (provider: Provider, fetch: ConfiguredFetch) =>
  new OpenAI({
    // A placeholder, so that the SDK does not read a variable; the header is removed below.
    apiKey: provider.key === undefined ? "none" : Redacted.value(provider.key),
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    baseURL: provider.baseUrl,
    maxRetries: 0,
    timeout: 2 ** 31 - 1,
    logLevel: "off",
    fetch,
    defaultHeaders: {
      ...(provider.key === undefined && { authorization: null }),
      ...Object.fromEntries(
        Object.entries(provider.headers).map(([name, value]) => [name, Redacted.value(value)])
      )
    }
  })

export const make = (provider: Provider, fetch: ConfiguredFetch): Adapter => {
  const client = clientOf(provider, fetch)
  const send = chatRequest(provider, fetch)
  const incomplete = new ModelError({
    reason: "network",
    provider: provider.name,
    detail: "the response ended before it was complete",
    transient: {}
  })

  const text = async (request: TextRequest, sink: Sink, signal: AbortSignal): Promise<Finish> => {
    const names = new ToolNames(request.tools.map(({ name }) => name))
    const batches = await send(
      {
        model: request.model,
        messages: toMessages(request.prompt, names),
        stream: true,
        stream_options: { include_usage: true },
        ...sampling(provider, request),
        ...toTools(request, names),
        ...toFormat(request)
      },
      signal
    )
    sink.alive()
    const texts = new TextParts(sink)
    const calls = new ToolCallParts(sink, names, provider.name)
    let ended: string | undefined
    let named = false
    const read = (chunk: OpenAI.ChatCompletionChunk) => {
      if (!named) {
        named = true
        sink.emit({ type: "response-metadata", id: chunk.id, modelId: chunk.model })
      }
      const usage = chunk.usage ?? groqUsage(chunk)
      if (usage !== undefined) sink.usage(usageOf(usage))
      const choice = chunk.choices?.[0]
      if (choice === undefined) return
      if (choice.finish_reason) ended = choice.finish_reason
      const delta = choice.delta as (typeof choice.delta & Extended) | undefined
      if (delta === undefined) return
      const thought = textOf(delta.reasoning_content) ?? textOf(delta.reasoning)
      if (thought !== undefined) texts.delta("reasoning", thought)
      const said = textOf(delta.content) ?? textOf(delta.refusal)
      if (said !== undefined) texts.delta("text", said)
      for (const call of delta.tool_calls ?? []) {
        texts.end()
        calls.delta(call.index ?? calls.size, {
          ...(call.id !== undefined && { id: call.id }),
          ...(call.function?.name !== undefined && { name: call.function.name }),
          ...(call.function?.arguments !== undefined && { json: call.function.arguments })
        })
      }
    }
    for await (const chunks of batches) {
      sink.alive()
      try {
        for (const chunk of chunks) read(chunk)
      } finally {
        // What came before an invalid chunk was received as well.
        await sink.flush()
      }
    }
    texts.end()
    // A cut stream may just end.
    if (ended === undefined) throw incomplete
    // Some compatible servers say "stop" after tool calls.
    const finish = calls.size > 0 && ended === "stop" ? "tool-calls" : (finishes[ended] ?? "other")
    calls.end(finish === "length")
    return finish
  }

  const models = async (signal: AbortSignal) => {
    const page = await client.models.list({ signal })
    return page.data.map(({ id }) => id)
  }

  const hasModel = async (id: string, signal: AbortSignal) => {
    try {
      await client.models.retrieve(id, { signal })
      return true
    } catch (error) {
      if (error instanceof OpenAI.APIError && error.status === 404) return false
      throw error
    }
  }

  const image = async (request: ImageRequest, signal: AbortSignal): Promise<MadeImage> => {
    const { format, model, prompt, quality, size } = request
    // Compatible servers reject fields that they do not know.
    const known = knownProvider(provider.name) !== undefined
    const compact = known && format === "jpeg" && { output_format: format, output_compression: 80 }
    const { data, output_format, usage } = await client.images.generate(
      { model, prompt, n: 1, size, quality: quality as "auto", ...compact },
      { signal }
    )
    const made = data?.[0]?.b64_json
    if (made === undefined || made === "") {
      const detail = "the response has no image data (b64_json)"
      throw new ModelError({ reason: "bug", provider: provider.name, model, detail })
    }
    return {
      data: made,
      mimeType: `image/${output_format ?? "png"}`,
      usage: usage && reported({ input: usage.input_tokens, output: usage.output_tokens }).usage
    }
  }

  return { text, models, hasModel, image: provider.images ? image : undefined }
}
