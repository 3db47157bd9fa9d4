/** OpenAI's Chat Completions and Images, which Groq and most other servers speak as well. */
import { Redacted } from "effect"
import OpenAI from "openai"
import type { ConfiguredFetch } from "../outbound/configuredFetch.ts"
import type { Adapter, Finish, ImageRequest, MadeImage, Sink, TextRequest } from "./Adapter.ts"
import { chatChunk } from "./chatChunk.ts"
import { eventRequest, readEvents } from "./eventRequest.ts"
import { entryOf, idsOf, listOf, objectOf, textOf } from "./fields.ts"
import { incomplete, ModelError } from "./ModelError.ts"
import { toFormat, toMessages, toTools } from "./openaiMessages.ts"
import type { Provider } from "./Provider.ts"
import { knownProvider } from "./providers.ts"
import { TextParts } from "./TextParts.ts"
import { ToolCallParts } from "./ToolCallParts.ts"
import { ToolNames } from "./toolNames.ts"
import { reported } from "./usage.ts"
import type { ServerEvent } from "./eventStream.ts"

const finishes: Readonly<Record<string, Finish>> = {
  stop: "stop",
  length: "length",
  tool_calls: "tool-calls",
  function_call: "tool-calls",
  content_filter: "content-filter"
}

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

/** Configured headers replace the usual ones of the same name. */
const headersOf = ({ headers, key }: Provider): Readonly<Record<string, string>> => {
  const all = new Headers({ accept: "application/json", "content-type": "application/json" })
  if (key !== undefined) all.set("authorization", `Bearer ${Redacted.value(key)}`)
  for (const [name, value] of Object.entries(headers)) all.set(name, Redacted.value(value))
  return Object.fromEntries(all)
}

/** The chunk of an event. An event may be an error instead, which it throws. */
const chunkOf = ({ data, event }: ServerEvent, provider: string, headers: Headers) => {
  const value: unknown = JSON.parse(data)
  const error = objectOf(value)?.["error"]
  if (event === "error" || error) {
    throw new OpenAI.APIError(undefined, (error ?? value) as object, undefined, headers)
  }
  const chunk = chatChunk(value)
  if (chunk !== undefined) return chunk
  throw new ModelError({ reason: "bug", provider, detail: "a chunk of the response is not a JSON object" })
}

export const make = (provider: Provider, fetch: ConfiguredFetch): Adapter => {
  const client = clientOf(provider, fetch)
  const endpoint = {
    provider: provider.name,
    url: `${provider.baseUrl}/chat/completions`,
    headers: headersOf(provider),
    failure: OpenAI.APIError.generate
  }

  const text = async (request: TextRequest, sink: Sink, signal: AbortSignal): Promise<Finish> => {
    const names = new ToolNames(request.tools.map(({ name }) => name))
    const body: OpenAI.ChatCompletionCreateParamsStreaming = {
      model: request.model,
      messages: toMessages(request.prompt, names, provider.name),
      stream: true,
      stream_options: { include_usage: true },
      ...sampling(provider, request),
      ...toTools(request, names),
      ...toFormat(request)
    }
    const response = await eventRequest(fetch, endpoint, body, signal)
    const texts = new TextParts(sink)
    const calls = new ToolCallParts(sink, names, provider.name)
    let ended: string | undefined
    let named = false
    const read = (event: ServerEvent) => {
      const chunk = chunkOf(event, provider.name, response.headers)
      const { id, model } = chunk
      if (!named && model !== undefined) {
        named = true
        sink.emit({ type: "response-metadata", ...(id !== undefined && { id }), modelId: model })
      }
      if (chunk.usage !== undefined) sink.usage(chunk.usage)
      ended = chunk.finish ?? ended
      const { reasoning, reasoningField } = chunk
      if (reasoning !== undefined && reasoningField !== undefined) {
        texts.delta("reasoning", reasoning)
        texts.annotate({ openai: { provider: provider.name, field: reasoningField } })
      }
      if (chunk.text !== undefined) texts.delta("text", chunk.text)
      for (const call of chunk.calls) {
        if (call === undefined) {
          const detail = "a tool call of the response is not a JSON object"
          throw new ModelError({ reason: "bug", provider: provider.name, detail })
        }
        texts.end()
        calls.delta(call.index ?? calls.indexOf(call), call)
      }
    }
    await readEvents(response, sink, read)
    texts.end()
    // A cut stream may just end.
    if (ended === undefined) throw incomplete(provider.name, request.model)
    // Some compatible servers say "stop" after tool calls.
    const finish = calls.size > 0 && ended === "stop" ? "tool-calls" : (entryOf(finishes, ended) ?? "other")
    calls.end(finish === "length")
    return finish
  }

  const models = async (signal: AbortSignal) => {
    const page = await client.models.list({ signal })
    return idsOf(page.data)
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
    const response: unknown = await client.images.generate(
      { model, prompt, n: 1, size, quality: quality as "auto", ...compact },
      { signal }
    )
    const made = objectOf(response)
    const data = textOf(objectOf(listOf(made?.["data"])[0])?.["b64_json"])
    if (data === undefined) {
      const detail = "the response has no image data (b64_json)"
      throw new ModelError({ reason: "bug", provider: provider.name, model, detail })
    }
    const usage = objectOf(made?.["usage"])
    return {
      data,
      mimeType: `image/${textOf(made?.["output_format"]) ?? "png"}`,
      usage: usage && reported({ input: usage["input_tokens"], output: usage["output_tokens"] })
    }
  }

  return { text, models, hasModel, image: provider.images ? image : undefined }
}
