/** Content negotiation by the Accept header (RFC 9110, section 12.5.1). */

interface Range {
  /** In lower case, such as `text/*`. */
  readonly type: string
  readonly weight: number
}

/** Most media ranges that are parsed. */
const maxRanges = 32
const quality = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i

const toRange = (text: string): Range => {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim())
  const weight = parameters.map((each) => quality.exec(each)?.[1]).find((each) => each !== undefined)
  return { type: type.toLowerCase(), weight: weight === undefined ? 1 : Number(weight) }
}

/**
 * Whether a response of the media type is acceptable. A request without an Accept header accepts anything; else the most
 * specific range decides, and a weight of 0 excludes what it matches.
 */
export const accepts = (accept: string | null, type: string): boolean => {
  if (accept === null || accept.trim() === "") return true
  const ranges = accept.split(",", maxRanges).map(toRange)
  const weightOf = (range: string) => ranges.find((each) => each.type === range)?.weight
  const weight = weightOf(type) ?? weightOf(`${type.slice(0, type.indexOf("/"))}/*`) ?? weightOf("*/*")
  return weight !== undefined && weight > 0
}

/** Whether the client is one that shows pages: it names HTML, which programs that accept anything do not. */
export const acceptsPage = (accept: string | null): boolean =>
  accept !== null && accept.includes("html") && accepts(accept, "text/html")
