/** Content coding negotiation: parses `Accept-Encoding` (RFC 9110, section 12.5.3). */

/** In order of preference for equal weights. */
export const encodings = ["zstd", "br", "gzip", "deflate"] as const
export type Encoding = (typeof encodings)[number]

export interface Choice {
  /** The supported coding with the highest weight; absent if there is none or identity is preferred. */
  readonly encoding?: Encoding
  /** Whether the client accepts an uncompressed response. */
  readonly identity: boolean
}

const plain: Choice = { identity: true }
/** Longer headers are ignored. */
const longest = 1000
/** Most cached headers; clients of one kind send the same header. */
const maxCached = 64

const element = /^([a-z0-9!#$%&'*+.^_`|~-]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i

/** Weights by coding; `undefined` if malformed. */
const weights = (header: string): ReadonlyMap<string, number> | undefined => {
  const found = new Map<string, number>()
  for (const part of header.split(",")) {
    const text = part.trim()
    // Lists may have empty elements (section 5.6.1.2).
    if (text === "") continue
    const [, name, weight = "1"] = element.exec(text) ?? []
    if (name === undefined) return undefined
    const coding = name.toLowerCase() === "x-gzip" ? "gzip" : name.toLowerCase()
    if (!found.has(coding)) found.set(coding, Number(weight))
  }
  return found
}

const read = (header: string): Choice => {
  const given = header.length > longest ? undefined : weights(header)
  if (given === undefined) return plain
  const others = given.get("*")
  const unnamed = given.get("identity")
  const identity = unnamed === undefined ? others !== 0 : unnamed > 0
  let encoding: Encoding | undefined
  let best = 0
  for (const candidate of encodings) {
    const weight = given.get(candidate) ?? others ?? 0
    if (weight > best) {
      best = weight
      encoding = candidate
    }
  }
  return encoding === undefined || (unnamed ?? 0) > best ? { identity } : { encoding, identity }
}

const known = new Map<string, Choice>()

/** The choice for a header; a malformed one counts as absent. */
export const choose = (header: string | null): Choice => {
  if (header === null) return plain
  const before = known.get(header)
  if (before !== undefined) return before
  const choice = read(header)
  if (known.size < maxCached) known.set(header, choice)
  return choice
}
