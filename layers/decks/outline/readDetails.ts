/** Reads the details of a request into blocks. */
import type { Decimal, Language } from "./amounts.ts"
import type { Block } from "./Block.ts"
import { dataBlock } from "./dataBlocks.ts"
import { markTables } from "./delimitedTables.ts"
import type { Detail } from "./Detail.ts"
import { withoutLetterFrame } from "./letterFrame.ts"
import { LineReader } from "./LineReader.ts"

const isData = (text: string) => /^\s*data:image\//iu.test(text)

/** The blocks of details, in their order, and whether a greeting or a signature was left out. */
export const readDetails = (
  details: ReadonlyArray<Detail>,
  decimal: Decimal | undefined,
  language: Language | undefined
): { readonly blocks: ReadonlyArray<Block>; readonly isLetter: boolean } => {
  const reader = new LineReader(decimal)
  let lines: Array<string> = []
  let isLetter = false
  const flush = () => {
    const kept = withoutLetterFrame(lines)
    if (kept.length < lines.length) isLetter = true
    for (const line of markTables(kept)) reader.add(line)
    lines = []
  }
  for (const [index, detail] of details.entries()) {
    if (typeof detail === "string" && !isData(detail)) {
      lines.push(...detail.split(/\r\n|[\r\n]/u))
      continue
    }
    flush()
    const block: Block =
      typeof detail === "string" ? { kind: "figure", image: detail, points: [] } : dataBlock(detail, language)
    // Large data stays with the details: the outline names their number.
    reader.addData(
      block.kind === "figure" && isData(block.image) ? { ...block, image: `#${index + 1}` } : block
    )
  }
  flush()
  reader.end()
  return { blocks: reader.blocks, isLetter }
}
