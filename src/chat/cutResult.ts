/** Cuts a tool's result to the size that a conversation may keep. */
import { text, type Block, type ToolOutput } from "../domain/Content.ts"

const sizeOf = (block: Block): number => Buffer.byteLength(JSON.stringify(block))

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

/** The structured result repeats the content, so it is kept only if both fit. Without content it is the content. */
export const cutResult = ({ content: given, structured }: ToolOutput, max: number): CutResult => {
  const json = structured === undefined ? "" : (JSON.stringify(structured) ?? "")
  const data = Buffer.byteLength(json)
  const content = given.length === 0 && data > max ? [text(json)] : given
  const total = content.reduce((sum, block) => sum + sizeOf(block), 0)
  if (total <= max) {
    return { content, isCut: false, ...(structured !== undefined && total + data <= max && { structured }) }
  }
  const kept: Array<Block> = []
  let left = max
  for (const block of content) {
    const size = sizeOf(block)
    if (size <= left) {
      kept.push(block)
      left -= size
      continue
    }
    if (block.type === "text" && left > 0) kept.push({ type: "text", text: prefix(block.text, left) })
    break
  }
  const note = `[Cut: the result has ${total} bytes, of which ${max} are kept. Ask for a smaller part.]`
  return { content: [...kept, { type: "text", text: note }], isCut: true }
}
