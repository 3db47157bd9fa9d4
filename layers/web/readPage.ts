/** Converts an HTML page to Markdown, with notes on omissions; runs in the worker. */
import { select } from "./mainContent.ts"
import { parse, type HtmlDocument } from "./HtmlDocument.ts"
import { decode } from "./charset.ts"
import { decodeText } from "./htmlTokens.ts"
import type { PageResult, PageJob } from "./workerMessages.ts"
import { Links } from "./Links.ts"
import { Markdown } from "./Markdown.ts"
import { presentable } from "./mediaTypes.ts"
import { pageNotes } from "./pageNotes.ts"

/** With less visible text, a `<noscript>` refresh is followed and the description is shown. */
const fewCharacters = 200

const maxTitle = 300

const tidy = (text: string) => text.slice(0, 2000).replace(/\s+/g, " ").trim()

const titleOf = ({ meta, title }: HtmlDocument) => {
  const written = tidy(title)
  return written === "" ? tidy(meta.get("og:title") ?? meta.get("twitter:title") ?? "") : written
}

/** The description, for a page that is built by scripts. */
const descriptionOf = ({ meta }: HtmlDocument) =>
  tidy(decodeText(meta.get("description") ?? meta.get("og:description") ?? ""))

export const readPage = (job: PageJob): PageResult => {
  const { notes, text: html } = decode(job.bytes, job.charset, job.xml ? "xml" : "html", job.cut)
  const document = parse(html, job.maxElements, job.xml)
  const content = select(document, job.wholePage)
  const links = new Links(job.url, document.base)
  const markdown = new Markdown(content, links, job.maxChars + 1)
  const body = markdown.render(document.root)
  const title = titleOf(document)
  const refresh =
    document.refresh ?? (content.visible < fewCharacters ? document.refreshWithoutScripts : undefined)
  const allNotes = [...notes, ...pageNotes(document, content, title, body)]
  const description = content.visible < fewCharacters && document.scripts > 0 ? descriptionOf(document) : ""
  const text = description === "" || body.includes(description) ? body : `${body}\n\n${description}`.trim()
  const shown = presentable(text, job.maxChars)
  return {
    kind: "page",
    title: presentable(title, maxTitle).text.trim(),
    text: shown.text,
    truncated: job.cut || shown.truncated || markdown.cut || document.cut,
    notes: allNotes,
    ...(refresh !== undefined && { refresh })
  }
}
