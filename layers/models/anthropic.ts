/** Anthropic's Messages API. */
import Anthropic from "@anthropic-ai/sdk"
import { Redacted } from "effect"
import type { ConfiguredFetch } from "../outbound/configuredFetch.ts"
import type { Adapter, Finish, Sink, TextRequest } from "./Adapter.ts"
import { toFormat, toMessages, toTools } from "./anthropicMessages.ts"
import { ModelError } from "./ModelError.ts"
import type { Provider } from "./Provider.ts"
import { TextParts } from "./TextParts.ts"
import { ToolCallParts } from "./ToolCallParts.ts"
import { ToolNames } from "./toolNames.ts"
import { reported } from "./usage.ts"

const finishes = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tool-calls",
  pause_turn: "pause",
  refusal: "content-filter"
} as const satisfies Record<Anthropic.StopReason, Finish>

/** Page size of the model list; the API's maximum. */
const pageSize = 1000

/** Cumulative counts: `message_delta` repeats and completes those of `message_start`. */
class Counts {
  #input = 0
  #output = 0
  #read = 0
  #written = 0
  #thought = 0

  add(usage: Anthropic.Usage | Anthropic.MessageDeltaUsage) {
    this.#input = usage.input_tokens ?? this.#input
    this.#output = usage.output_tokens ?? this.#output
    this.#read = usage.cache_read_input_tokens ?? this.#read
    this.#written = usage.cache_creation_input_tokens ?? this.#written
    this.#thought = usage.output_tokens_details?.thinking_tokens ?? this.#thought
    // Anthropic's input tokens exclude cached tokens; in the ledger cached tokens are part of the input.
    return reported({
      input: this.#input + this.#read + this.#written,
      output: this.#output,
      cached: this.#read,
      cacheWrite: this.#written,
      reasoning: this.#thought
    })
  }
}

const clientOf = (provider: Provider, fetch: ConfiguredFetch) =>
  new Anthropic({
    // The SDK must not search for credentials in variables and files.
    apiKey: provider.key === undefined ? "none" : Redacted.value(provider.key),
    authToken: null,
    baseURL: provider.baseUrl,
    // Guard retries.
    maxRetries: 0,
    timeout: 2 ** 31 - 1,
    logLevel: "off",
    fetch,
    defaultHeaders: Object.fromEntries(
      Object.entries(provider.headers).map(([name, value]) => [name, Redacted.value(value)])
    )
  })

export const make = (provider: Provider, fetch: ConfiguredFetch): Adapter => {
  const client = clientOf(provider, fetch)

  const text = async (request: TextRequest, sink: Sink, signal: AbortSignal): Promise<Finish> => {
    const names = new ToolNames(request.tools.map(({ name }) => name))
    const stream = await client.messages.create(
      {
        model: request.model,
        max_tokens: request.maxTokens ?? 8192,
        stream: true,
        ...toMessages(request, names),
        ...toTools(request, names),
        ...toFormat(request),
        ...(request.temperature !== undefined && { temperature: request.temperature }),
        ...(request.topP !== undefined && { top_p: request.topP })
      },
      { signal }
    )
    sink.alive()
    const texts = new TextParts(sink)
    const calls = new ToolCallParts(sink, names, provider.name)
    const counts = new Counts()
    let signature: string | undefined
    let stopped: Anthropic.StopReason | null = null
    let complete = false
    for await (const event of stream) {
      sink.alive()
      if (event.type === "message_start") {
        const { id, model, usage } = event.message
        sink.emit({ type: "response-metadata", id, modelId: model })
        sink.usage(counts.add(usage))
      } else if (event.type === "content_block_start") {
        const { content_block: block, index } = event
        if (block.type === "tool_use") calls.delta(index, { id: block.id, name: block.name })
        else if (block.type === "text" && block.text !== "") texts.delta("text", block.text)
      } else if (event.type === "content_block_delta") {
        const { delta, index } = event
        if (delta.type === "text_delta") texts.delta("text", delta.text)
        else if (delta.type === "thinking_delta") texts.delta("reasoning", delta.thinking)
        else if (delta.type === "signature_delta") ({ signature } = delta)
        else if (delta.type === "input_json_delta") calls.delta(index, { json: delta.partial_json })
      } else if (event.type === "content_block_stop") {
        texts.end(signature === undefined ? undefined : { anthropic: { signature } })
        signature = undefined
      } else if (event.type === "message_delta") {
        stopped = event.delta.stop_reason ?? stopped
        sink.usage(counts.add(event.usage))
      } else {
        complete = true
      }
      await sink.flush()
    }
    // The SDK does not report an aborted or truncated stream; it only ends.
    if (!complete || stopped === null) {
      throw new ModelError({
        reason: "network",
        provider: provider.name,
        model: request.model,
        detail: "the response ended before it was complete",
        transient: {}
      })
    }
    const finish = finishes[stopped] ?? "other"
    texts.end()
    calls.end(finish === "length")
    return finish
  }

  const models = async (signal: AbortSignal) => {
    const page = await client.models.list({ limit: pageSize }, { signal })
    return page.data.map(({ id }) => id)
  }

  const hasModel = async (id: string, signal: AbortSignal) => {
    try {
      await client.models.retrieve(id, undefined, { signal })
      return true
    } catch (error) {
      if (error instanceof Anthropic.APIError && error.status === 404) return false
      throw error
    }
  }

  return { text, models, hasModel, image: undefined }
}
