/** Emits parts of text and reasoning with their starts and ends: one block is open at a time. */
import type { Sink } from "./Adapter.ts"

type Kind = "text" | "reasoning"
const starts = { text: "text-start", reasoning: "reasoning-start" } as const
const deltas = { text: "text-delta", reasoning: "reasoning-delta" } as const
const ends = { text: "text-end", reasoning: "reasoning-end" } as const

/** What the provider requires back with the block in the next request, such as a signature of its reasoning. */
export interface Metadata {
  readonly [dialect: string]: { readonly [key: string]: string }
}

export class TextParts {
  readonly #sink: Sink
  #open: Kind | undefined
  #metadata: Metadata | undefined
  #count = 0

  constructor(sink: Sink) {
    this.#sink = sink
  }

  get #id() {
    return String(this.#count)
  }

  get isOpen(): boolean {
    return this.#open !== undefined
  }

  delta(kind: Kind, delta: string) {
    if (this.#open !== kind) {
      this.end()
      this.#open = kind
      this.#sink.emit({ type: starts[kind], id: this.#id })
    }
    this.#sink.emit({ type: deltas[kind], id: this.#id, delta })
  }

  /** Metadata of the open block, which its end has. */
  annotate(metadata: Metadata) {
    this.#metadata = metadata
  }

  end() {
    const metadata = this.#metadata
    this.#metadata = undefined
    if (this.#open === undefined) return
    const type = ends[this.#open]
    this.#open = undefined
    this.#sink.emit({ type, id: this.#id, ...(metadata !== undefined && { metadata }) })
    this.#count++
  }
}
