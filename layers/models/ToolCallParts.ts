/**
 * Emits tool calls whose arguments arrive in pieces, interleaved if the model calls several tools. Arguments that are not
 * valid JSON are emitted as the text that the model sent.
 */
import type { Schema } from "effect"
import type { Sink } from "./Adapter.ts"
import { ModelError } from "./ModelError.ts"
import type { ToolNames } from "./toolNames.ts"

interface Call {
  /** As the provider sent it. */
  sent: string
  id: string
  name: string
  json: string
  extra: object | undefined
  readonly index: number
  started: boolean
  ended: boolean
}

/** The arguments; undefined if they are not valid JSON. */
const parsed = ({ json }: Call): unknown => {
  try {
    return JSON.parse(json.trim() === "" ? "{}" : json)
  } catch {
    return undefined
  }
}

/** Fields of one piece that the provider sent; texts are not empty. */
interface Piece {
  readonly id?: string | undefined
  readonly name?: string | undefined
  readonly json?: string | undefined
  /** What the provider requires back with the call. */
  readonly extra?: object | undefined
}

/** Maximum tool calls of one response. */
const maxCalls = 128

export class ToolCallParts {
  readonly #sink: Sink
  readonly #names: ToolNames
  readonly #provider: string
  /** In the order of their beginning. */
  readonly #calls: Array<Call> = []
  /** The last call of each index. */
  readonly #byIndex = new Map<number, Call>()

  constructor(sink: Sink, names: ToolNames, provider: string) {
    this.#sink = sink
    this.#names = names
    this.#provider = provider
  }

  get size(): number {
    return this.#calls.length
  }

  #bug(detail: string) {
    return new ModelError({
      reason: "bug",
      provider: this.#provider,
      detail,
      remedy: "Try again, or use another model."
    })
  }

  #begin(index: number): Call {
    if (this.#calls.length >= maxCalls) throw this.#bug(`the response has more than ${maxCalls} tool calls`)
    const call = {
      sent: "",
      id: "",
      name: "",
      json: "",
      extra: undefined,
      index,
      started: false,
      ended: false
    }
    this.#calls.push(call)
    this.#byIndex.set(index, call)
    return call
  }

  /** Some compatible servers give no ids, or the same one twice. */
  #unique(id: string): string {
    const wanted = id === "" ? `call_${this.#calls.length - 1}` : id
    const isTaken = this.#calls.some((call) => call.started && call.id === wanted)
    return isTaken ? `${wanted}_${this.#calls.length - 1}` : wanted
  }

  /** The index for a piece without one: it continues the last call, or begins another. */
  indexOf({ id, name }: Piece): number {
    const last = id === undefined && name === undefined ? this.#calls.at(-1) : undefined
    return last?.index ?? this.#calls.length
  }

  /** Each piece belongs to the call at `index`; the first one of a call has its id and name. */
  delta(index: number, { extra, id, json, name }: Piece) {
    let call = this.#byIndex.get(index)
    // Some compatible servers give all calls the same index.
    const isAnother = call?.started === true && id !== undefined && name !== undefined && id !== call.sent
    if (call === undefined || isAnother) call = this.#begin(index)
    if (!call.started) {
      call.sent = id ?? call.sent
      call.name = name ?? call.name
      if (call.name !== "") {
        call.id = this.#unique(call.sent)
        call.started = true
        this.#sink.emit({ type: "tool-params-start", id: call.id, name: this.#names.fromWire(call.name) })
      }
    }
    call.extra = extra ?? call.extra
    if (json === undefined || json === "") return
    call.json += json
    if (call.started) this.#sink.emit({ type: "tool-params-delta", id: call.id, delta: json })
  }

  /** Ends the call at `index` if its arguments are complete, else leaves it to `end`. */
  close(index: number) {
    const call = this.#byIndex.get(index)
    if (call !== undefined && call.started && parsed(call) !== undefined) this.#finish(call, false)
  }

  /** Ends all calls. `cut`: the response reached its token limit, so a call with incomplete arguments is dropped. */
  end(cut: boolean) {
    for (const call of this.#calls) {
      if (!call.started) throw this.#bug("a tool call has no name")
      if (!call.ended) this.#finish(call, cut)
    }
    this.#calls.length = 0
    this.#byIndex.clear()
  }

  #finish(call: Call, cut: boolean) {
    call.ended = true
    this.#sink.emit({ type: "tool-params-end", id: call.id })
    const object = parsed(call)
    if (object === undefined && cut) return
    // The caller reports it to the model, which can correct itself.
    const params = object ?? call.json
    const name = this.#names.fromWire(call.name)
    // Parsed from JSON.
    const extra = call.extra as Schema.JsonObject | undefined
    const metadata = extra && { openai: { provider: this.#provider, extra } }
    this.#sink.emit({
      type: "tool-call",
      id: call.id,
      name,
      params,
      providerExecuted: false,
      ...(metadata !== undefined && { metadata })
    })
  }
}
