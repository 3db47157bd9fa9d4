/** Upper bound of the output tokens of one image. */
import type { ImageRequest } from "./Adapter.ts"

/** Pixels of a token at quality `high`, as OpenAI documents it: 4160 tokens of 1024x1024. */
const pixelsPerToken = 252
/** Assumed for qualities whose tokens are not documented. */
const factors: ReadonlyMap<string, number> = new Map([
  ["xhigh", 2],
  ["max", 4]
])
/** The largest size that providers choose for `auto`. */
const automatic = 1536 * 1024
/** Smaller images may take as many. */
const least = 8192

export const imageTokens = ({ quality, size }: Pick<ImageRequest, "quality" | "size">): number => {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(size) ?? []
  const area = width === undefined ? automatic : Number(width) * Number(height)
  return Math.max(least, Math.ceil((area / pixelsPerToken) * (factors.get(quality) ?? 1)))
}
