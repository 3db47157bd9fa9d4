/** Emits parts of text and reasoning with their starts and ends: one block is open at a time. */
import type { Sink } from "./Adapter.ts"

type Kind = "text" | "reasoning"
const starts = { text: "text-start", reasoning: "reasoning-start" } as const
const deltas = { text: "text-delta", reasoning: "reasoning-delta" } as const
const ends = { text: "text-end", reasoning: "reasoning-end" } as const

export class TextParts {
  readonly #sink: Sink
  #open: Kind | undefined
  #count = 0

  constructor(sink: Sink) {
    this.#sink = sink
  }

  get #id() {
    return String(this.#count)
  }

  delta(kind: Kind, delta: string) {
    if (this.#open !== kind) {
      this.end()
      this.#open = kind
      this.#sink.emit({ type: starts[kind], id: this.#id })
    }
    this.#sink.emit({ type: deltas[kind], id: this.#id, delta })
  }

  /** `metadata` belongs to the block that ends, such as a signature of its reasoning. */
  end(metadata?: { readonly [provider: string]: { readonly [key: string]: string } }) {
    if (this.#open === undefined) return
    const type = ends[this.#open]
    this.#open = undefined
    this.#sink.emit({ type, id: this.#id, ...(metadata !== undefined && { metadata }) })
    this.#count++
  }
}
