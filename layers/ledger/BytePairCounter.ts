/** Counts the tokens of a text by byte pair encoding: words of a pattern, whose bytes are merged in the order of the ranks. */
import { Vocabulary } from "./Vocabulary.ts"

/** As the package `tiktoken` has it. */
export interface EncodingData {
  readonly pat_str: string
  readonly bpe_ranks: string
}

/** The pattern is for Rust's `regex`, where `\s` is the Unicode property. */
const patternOf = (pattern: string) =>
  new RegExp(
    pattern
      .replaceAll("[^\\s", "[^\\p{White_Space}")
      .replaceAll("\\s", "\\p{White_Space}")
      .replaceAll("\\S", "\\P{White_Space}"),
    "uy"
  )

const encoder = new TextEncoder()

export class BytePairCounter {
  readonly #vocabulary: Vocabulary
  readonly #word: RegExp
  /** Of the present word. */
  #bytes = new Uint8Array(1024)
  /** Where its parts begin. */
  #begins = new Int32Array(1024)
  /** The rank of each part together with the next one. */
  #ranks = new Float64Array(1024)

  constructor({ bpe_ranks, pat_str }: EncodingData) {
    this.#vocabulary = new Vocabulary(bpe_ranks)
    this.#word = patternOf(pat_str)
  }

  /** Takes quadratic time for long words: see `segments.ts`. Special tokens are text. */
  count(text: string): number {
    const wellFormed = text.toWellFormed()
    const word = this.#word
    let tokens = 0
    let begin = 0
    word.lastIndex = 0
    // Each character is part of a word.
    while (begin < wellFormed.length && word.test(wellFormed)) {
      const length = this.#encode(wellFormed.slice(begin, word.lastIndex))
      tokens += this.#vocabulary.rankOf(this.#bytes, 0, length) === Infinity ? this.#parts(length) : 1
      begin = word.lastIndex
    }
    return tokens
  }

  /** Number of its bytes. */
  #encode(word: string): number {
    if (word.length * 3 + 1 > this.#bytes.length) {
      const room = word.length * 6
      this.#bytes = new Uint8Array(room)
      this.#begins = new Int32Array(room)
      this.#ranks = new Float64Array(room)
    }
    return encoder.encodeInto(word, this.#bytes).written
  }

  /** Merges the pair with the lowest rank, the first one of several, until no pair is a token. */
  #parts(length: number): number {
    const [vocabulary, bytes, begins, ranks] = [this.#vocabulary, this.#bytes, this.#begins, this.#ranks]
    let parts = length
    const rankAt = (part: number): number =>
      part + 2 <= parts ? vocabulary.rankOf(bytes, begins[part] ?? 0, begins[part + 2] ?? 0) : Infinity
    for (let part = 0; part <= length; part++) begins[part] = part
    for (let part = 0; part <= length; part++) ranks[part] = rankAt(part)
    for (;;) {
      let lowest = Infinity
      let merged = 0
      for (let part = 0; part + 1 < parts; part++) {
        const rank = ranks[part] ?? Infinity
        if (rank < lowest) {
          lowest = rank
          merged = part
        }
      }
      if (lowest === Infinity) return parts
      begins.copyWithin(merged + 1, merged + 2, parts + 1)
      ranks.copyWithin(merged + 1, merged + 2, parts + 1)
      parts--
      ranks[merged] = rankAt(merged)
      if (merged > 0) ranks[merged - 1] = rankAt(merged - 1)
    }
  }
}
