/** Reads the events of a stream of Anthropic's Messages API. */
import type { Finish, Sink } from "./Adapter.ts"
import { entryOf, objectOf, stopReasonOf, textOf } from "./fields.ts"
import { TextParts } from "./TextParts.ts"
import type { ToolCallParts } from "./ToolCallParts.ts"
import { countOf, reported } from "./usage.ts"

const finishes: Readonly<Record<string, Finish>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tool-calls",
  pause_turn: "pause",
  refusal: "content-filter"
}

type Fields = NonNullable<ReturnType<typeof objectOf>>

/** Cumulative counts: `message_delta` repeats and completes those of `message_start`. */
class Counts {
  #input: number | undefined
  #output: number | undefined
  #read = 0
  #written = 0
  #thought = 0

  add(usage: Fields) {
    // A later zero does not take back an earlier number.
    this.#input = countOf(usage["input_tokens"]) || this.#input
    this.#output = countOf(usage["output_tokens"]) || this.#output
    this.#read = countOf(usage["cache_read_input_tokens"]) || this.#read
    this.#written = countOf(usage["cache_creation_input_tokens"]) || this.#written
    this.#thought = countOf(objectOf(usage["output_tokens_details"])?.["thinking_tokens"]) || this.#thought
    const cached = this.#read + this.#written
    return reported({
      // Anthropic's input tokens exclude cached tokens; in the ledger cached tokens are part of the input.
      input: this.#input === undefined && cached === 0 ? undefined : (this.#input ?? 0) + cached,
      output: this.#output,
      cached: this.#read,
      cacheWrite: this.#written,
      reasoning: this.#thought
    })
  }
}

export class MessageReader {
  readonly #sink: Sink
  readonly #texts: TextParts
  readonly #calls: ToolCallParts
  readonly #counts = new Counts()
  #signature = ""
  #stopped: string | undefined
  #complete = false

  constructor(sink: Sink, calls: ToolCallParts) {
    this.#sink = sink
    this.#texts = new TextParts(sink)
    this.#calls = calls
  }

  read(event: Fields) {
    switch (event["type"]) {
      case "message_start":
        return this.#start(objectOf(event["message"]) ?? {})
      case "content_block_start":
        return this.#block(event["index"], objectOf(event["content_block"]) ?? {})
      case "content_block_delta":
        return this.#delta(event["index"], objectOf(event["delta"]) ?? {})
      case "content_block_stop":
        this.#signature = ""
        this.#texts.end()
        return this.#calls.close(Number(event["index"]))
      case "message_delta":
        this.#stopped = stopReasonOf(objectOf(event["delta"])?.["stop_reason"]) ?? this.#stopped
        return this.#usage(event["usage"])
      case "message_stop":
        this.#complete = true
    }
  }

  #usage(value: unknown) {
    const usage = objectOf(value)
    if (usage !== undefined) this.#sink.usage(this.#counts.add(usage))
  }

  #start(message: Fields) {
    const [id, modelId] = [textOf(message["id"]), textOf(message["model"])]
    if (modelId !== undefined) {
      this.#sink.emit({ type: "response-metadata", ...(id !== undefined && { id }), modelId })
    }
    this.#usage(message["usage"])
  }

  #block(index: unknown, block: Fields) {
    const texts = this.#texts
    switch (block["type"]) {
      case "tool_use":
        texts.end()
        return this.#calls.delta(Number(index), { id: textOf(block["id"]), name: textOf(block["name"]) })
      case "text": {
        const text = textOf(block["text"])
        return text === undefined ? undefined : texts.delta("text", text)
      }
      case "redacted_thinking":
        // Readers expect a delta in each block.
        texts.delta("reasoning", "")
        return texts.annotate({ anthropic: { redacted: textOf(block["data"]) ?? "" } })
    }
  }

  #delta(index: unknown, delta: Fields) {
    const text = (field: string) => textOf(delta[field]) ?? ""
    switch (delta["type"]) {
      case "text_delta":
        return this.#texts.delta("text", text("text"))
      case "thinking_delta":
        return this.#texts.delta("reasoning", text("thinking"))
      case "signature_delta":
        // Reasoning may be a signature without text. Readers expect a delta in each block.
        if (!this.#texts.isOpen) this.#texts.delta("reasoning", "")
        this.#signature += text("signature")
        return this.#texts.annotate({ anthropic: { signature: this.#signature } })
      case "input_json_delta":
        return this.#calls.delta(Number(index), { json: text("partial_json") })
    }
  }

  /** The finish reason; undefined if the message is not complete. A truncated stream just ends. */
  end(): Finish | undefined {
    this.#texts.end()
    if (!this.#complete || this.#stopped === undefined) return undefined
    const finish = entryOf(finishes, this.#stopped) ?? "other"
    this.#calls.end(finish === "length")
    return finish
  }
}
