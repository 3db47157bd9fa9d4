/** Upper bounds of the tokens of files in a prompt, which no tokenizer counts. */
import type * as Prompt from "effect/ai/Prompt"
import { base64 } from "./parts.ts"

/** Tokens of an image, by the prefix of the model's name: the largest that providers document. */
const perImage: ReadonlyArray<readonly [prefix: string, tokens: number]> = [
  // 2833, and 5667 for each of up to 8 tiles.
  ["gpt-4o-mini", 48_169],
  ["", 6000]
]

/** A page of a PDF: its text, and the page as an image. */
const perPage = 5000
/** Most pages of a PDF that providers accept; assumed for one that is elsewhere. */
const maxPages = 600
/** Bytes of a page in a PDF whose pages cannot be counted, because its objects are compressed. */
const bytesPerPage = 2048

/** The number of pages, from the page objects or the largest `/Count` of a page tree. */
const pagesOf = (pdf: Buffer): number => {
  const text = pdf.toString("latin1")
  const counts = [...text.matchAll(/\/Count\s+(\d{1,6})/g)].map(([, count]) => Number(count))
  const pages = text.match(/\/Type\s*\/Page(?![A-Za-z])/g)?.length ?? 0
  const found = counts.reduce((most, count) => Math.max(most, count), pages)
  // Without either, the objects are compressed, or it is no PDF.
  return Math.min(maxPages, found > 0 ? found : Math.ceil(pdf.byteLength / bytesPerPage))
}

const ofFile = (model: string, part: Prompt.FilePart): number => {
  const { mediaType } = part
  if (mediaType.startsWith("image/")) return perImage.find(([prefix]) => model.startsWith(prefix))?.[1] ?? 0
  const data = base64(part)
  if (data === undefined) return maxPages * perPage
  const bytes = Buffer.from(data, "base64")
  // A token has at least one byte.
  return mediaType.startsWith("text/") ? bytes.byteLength : pagesOf(bytes) * perPage
}

export const fileTokens = (model: string, files: ReadonlyArray<Prompt.FilePart>): number =>
  files.reduce((sum, file) => sum + ofFile(model, file), 0)
