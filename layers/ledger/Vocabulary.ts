/** Tokens of an encoding by their bytes, in a hash table over typed arrays: built in 20 ms, where maps of strings take ten times as long. */

/** Slots of the table: a power of two, more than twice the tokens of the largest encoding. */
const slots = 2 ** 19

/** FNV-1a, of 32 bits. */
const [basis, prime] = [0x811c9dc5, 0x01000193]
const slotOf = (hash: number) => (hash ^ (hash >>> 15)) & (slots - 1)

/** Values of the characters of base64; -1: none, such as the padding. */
const sextets = new Int8Array(128).fill(-1)
for (const [value, char] of [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].entries())
  sextets[char.charCodeAt(0)] = value

const space = 32
const header = "! 0 "

/** Ranks in the form of `tiktoken`: `! 0`, and the tokens in base64, in the order of their ranks. */
export class Vocabulary {
  /** The bytes of all tokens, one after the other. */
  readonly #bytes: Uint8Array
  /** Where the token of a rank begins; the next one begins where it ends. */
  readonly #starts: Int32Array
  /** Ranks plus one; 0: empty. */
  readonly #table = new Int32Array(slots)

  constructor(ranks: string) {
    if (!ranks.startsWith(header) || ranks.includes("\n")) {
      throw new Error("The ranks of the tokenizer have an unknown form.")
    }
    const text = Buffer.from(ranks, "latin1")
    let count = 1
    for (let index = header.length; index < text.length; index++) if (text[index] === space) count++
    if (count > slots / 2) throw new Error("The tokenizer has too many tokens.")
    const bytes = new Uint8Array(Math.ceil((text.length * 3) / 4))
    this.#starts = new Int32Array(count + 1)
    this.#bytes = bytes.slice(0, this.#fill(text, bytes))
  }

  /** Decodes the tokens into `bytes`, and returns their length. */
  #fill(text: Uint8Array, bytes: Uint8Array): number {
    const starts = this.#starts
    let length = 0
    let hash = basis
    let rank = 0
    const put = (byte: number) => {
      bytes[length++] = byte
      hash = Math.imul(hash ^ byte, prime)
    }
    for (let index = header.length; index < text.length; index++) {
      for (; index < text.length && text[index] !== space; index += 4) {
        const first = sextets[text[index] ?? 0] ?? 0
        const second = sextets[text[index + 1] ?? 0] ?? 0
        const third = sextets[text[index + 2] ?? 0] ?? 0
        const fourth = sextets[text[index + 3] ?? 0] ?? 0
        put((first << 2) | (second >> 4))
        if (third >= 0) put(((second & 15) << 4) | (third >> 2))
        if (fourth >= 0) put(((third & 3) << 6) | fourth)
      }
      this.#add(++rank, hash)
      starts[rank] = length
      hash = basis
    }
    return length
  }

  #add(entry: number, hash: number) {
    const table = this.#table
    let slot = slotOf(hash)
    while (table[slot] !== 0) slot = (slot + 1) & (slots - 1)
    table[slot] = entry
  }

  /** The rank of the token with the bytes from `begin` to `end`; `Infinity` if there is none. */
  rankOf(text: Uint8Array, begin: number, end: number): number {
    let hash = basis
    for (let index = begin; index < end; index++) hash = Math.imul(hash ^ (text[index] ?? 0), prime)
    const [bytes, starts, table] = [this.#bytes, this.#starts, this.#table]
    for (let slot = slotOf(hash); ; slot = (slot + 1) & (slots - 1)) {
      const entry = table[slot] ?? 0
      if (entry === 0) return Infinity
      let at = starts[entry - 1] ?? 0
      if ((starts[entry] ?? 0) - at !== end - begin) continue
      let index = begin
      while (index < end && bytes[at] === text[index]) {
        index++
        at++
      }
      if (index === end) return entry - 1
    }
  }
}
