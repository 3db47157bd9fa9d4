/** Emits tool calls whose arguments arrive in pieces, interleaved if the model calls several tools. */
import type { Sink } from "./Adapter.ts"
import { ModelError } from "./ModelError.ts"
import type { ToolNames } from "./toolNames.ts"

interface Call {
  id: string
  name: string
  json: string
  started: boolean
}

/** Maximum tool calls of one response. */
const maxCalls = 128

export class ToolCallParts {
  readonly #sink: Sink
  readonly #names: ToolNames
  readonly #provider: string
  readonly #calls = new Map<number, Call>()

  constructor(sink: Sink, names: ToolNames, provider: string) {
    this.#sink = sink
    this.#names = names
    this.#provider = provider
  }

  get size(): number {
    return this.#calls.size
  }

  #bug(detail: string) {
    return new ModelError({
      reason: "bug",
      provider: this.#provider,
      detail,
      remedy: "Try again, or use another model."
    })
  }

  /** Each piece belongs to the call at `index`; the first one of a call has its id and name. */
  delta(index: number, { id, json, name }: { id?: string; name?: string; json?: string }) {
    let call = this.#calls.get(index)
    if (call === undefined) {
      if (this.#calls.size >= maxCalls) throw this.#bug(`the response has more than ${maxCalls} tool calls`)
      this.#calls.set(index, (call = { id: "", name: "", json: "", started: false }))
    }
    if (id !== undefined && id !== "") call.id = id
    if (name !== undefined && call.name === "") call.name = name
    if (!call.started && call.name !== "") {
      // Some compatible servers give no ids.
      if (call.id === "") call.id = `call_${index}`
      call.started = true
      this.#sink.emit({
        type: "tool-params-start",
        id: call.id,
        name: this.#names.fromWire(call.name)
      })
    }
    if (json === undefined || json === "") return
    call.json += json
    if (call.started) this.#sink.emit({ type: "tool-params-delta", id: call.id, delta: json })
  }

  /** Ends all calls. `cut`: the response reached its token limit, so incomplete arguments are dropped instead of failing. */
  end(cut: boolean) {
    for (const call of this.#calls.values()) {
      if (!call.started) throw this.#bug("a tool call has no name")
      this.#sink.emit({ type: "tool-params-end", id: call.id })
      let params: unknown
      try {
        params = JSON.parse(call.json.trim() === "" ? "{}" : call.json)
      } catch {
        if (cut) continue
        throw this.#bug(`the model called ${call.name.slice(0, 64)} with arguments that are not valid JSON`)
      }
      this.#sink.emit({
        type: "tool-call",
        id: call.id,
        name: this.#names.fromWire(call.name),
        params,
        providerExecuted: false
      })
    }
    this.#calls.clear()
  }
}
