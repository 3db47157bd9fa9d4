/** Cuts a tool's result to the size that a conversation may keep. */
import { text, type Block, type ToolOutput } from "../domain/Content.ts"

const sizeOf = (block: Block): number =>
  block.type === "image" ? 0 : Buffer.byteLength(JSON.stringify(block))

/** The longest beginning of the text of at most `max` bytes. */
const prefix = (whole: string, max: number): string => {
  const bytes = Buffer.from(whole)
  if (bytes.length <= max) return whole
  // A cut character becomes one or more replacement characters.
  return bytes
    .subarray(0, Math.max(0, max))
    .toString()
    .replace(/\uFFFD+$/u, "")
}

export interface CutResult {
  readonly content: ReadonlyArray<Block>
  readonly structured?: unknown
  readonly isCut: boolean
}

/** Images have another limit, and are not cut: a part of an image is damaged. */
const withoutLongImages = (content: ReadonlyArray<Block>, max: number) => {
  let left = max
  let isCut = false
  const kept = content.map((block): Block => {
    if (block.type !== "image") return block
    const size = block.data.length
    if (size <= left) {
      left -= size
      return block
    }
    isCut = true
    return text(`[Cut: an image (${block.mimeType.slice(0, 100)}) of ${size} bytes.]`)
  })
  return { content: kept, isCut }
}

/** The structured result repeats the content, so it is kept only if both fit. Without content it is the content. */
export const cutResult = (
  { content: given, structured }: ToolOutput,
  max: number,
  maxImages: number
): CutResult => {
  const json = structured === undefined ? "" : (JSON.stringify(structured) ?? "")
  const data = Buffer.byteLength(json)
  const whole = given.length === 0 && data > max ? [text(json)] : given
  const { content, isCut } = withoutLongImages(whole, maxImages)
  const total = content.reduce((sum, block) => sum + sizeOf(block), 0)
  if (total <= max) {
    return { content, isCut, ...(structured !== undefined && total + data <= max && { structured }) }
  }
  const kept: Array<Block> = []
  let left = max
  let isFull = false
  for (const block of content) {
    const size = sizeOf(block)
    // Images follow also after a text that was cut.
    if (isFull && size > 0) continue
    if (size <= left) {
      kept.push(block)
      left -= size
      continue
    }
    if (block.type === "text" && left > 0) kept.push({ type: "text", text: prefix(block.text, left) })
    isFull = true
  }
  const note = `[Cut: the result has ${total} bytes, of which ${max} are kept. Ask for a smaller part.]`
  return { content: [...kept, { type: "text", text: note }], isCut: true }
}
