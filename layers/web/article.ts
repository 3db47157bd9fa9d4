/** HTML as text for a reader: all of its words at once, and its article as Markdown after that; runs in the worker. */
import type { Answer, PageJob } from "./job.ts"

/**
 * Deeper pages get no article: the time of the extraction grows with the square of the depth and more (4,000 nested
 * elements take a minute). Pages that people wrote stay below 100.
 */
const deepest = 256
/** Their end tags may be left out (HTML standard, section 13.1.2.4), so that they only seem to nest. */
const ending = /^(?:p|li|dt|dd|tr|td|th|thead|tbody|tfoot|colgroup|option|optgroup|rt|rp|body|html|head)$/
const unread = "script, style, noscript, template, svg, math, iframe, object, canvas, select, head, title"
const blocks =
  /^(?:address|article|aside|blockquote|br|dd|div|dl|dt|fieldset|figure|footer|form|h[1-6]|header|hr|li|main|nav|ol|p|pre|section|table|td|th|tr|ul)$/

/** Words of the page with its entities still written out, its title, and how deep it nests; one pass, native. */
const skim = (html: string) => {
  let depth = 0
  let nesting = 0
  let title = ""
  let titles = 0
  const text = new HTMLRewriter()
    .on("*", {
      element(element) {
        if (ending.test(element.tagName)) return
        depth++
        nesting = Math.max(nesting, depth)
        try {
          element.onEndTag(() => void depth--)
        } catch {
          // It is one that has no end.
          depth--
        }
      }
    })
    .on("head > title, html > title, title", {
      element: () => void titles++,
      text: (chunk) => {
        if (titles === 1 && title.length < 1000) title += chunk.text
      }
    })
    .on(unread, { element: (element) => void element.remove() })
    .on("*", {
      element(element) {
        if (element.removed) return
        if (blocks.test(element.tagName)) element.before("\n")
        element.removeAndKeepContent()
      }
    })
    .onDocument({
      doctype: (doctype) => void doctype.remove(),
      comments: (comment) => void comment.remove()
    })
    .transform(html)
  return { nesting, text, title }
}

const tidy = (text: string) =>
  text
    .replace(/[^\S\n]+/g, " ")
    .replace(/ ?\n ?/g, "\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim()

/** A picture that stands in the page itself is thousands of characters that nobody reads. */
const withoutData = (markdown: string) => markdown.replace(/!\[([^\]\n]*)\]\(data:[^)\s]*\)/g, "$1")

export const read = async (job: PageJob, say: (answer: Answer) => void): Promise<void> => {
  const [{ default: sniff }, { parseHTML }] = await Promise.all([
    import("html-encoding-sniffer"),
    import("linkedom")
  ])
  const encoding = sniff(job.bytes, {
    ...(job.charset !== undefined && { transportLayerEncodingLabel: job.charset }),
    defaultEncoding: isUtf8(job.bytes) ? "UTF-8" : "windows-1252"
  })
  const html = new TextDecoder(encoding === "replacement" ? "utf-8" : encoding).decode(job.bytes)
  const plain = skim(html)
  const decoded = (text: string) =>
    parseHTML(`<html><body>${text}</body></html>`).document.body.textContent ?? ""
  const title = tidy(decoded(plain.title))
  say({ kind: "text", title, text: tidy(decoded(plain.text)) })
  if (plain.nesting > deepest) return

  const { Defuddle } = await import("defuddle/node")
  const { document } = parseHTML(/<html[\s>]/i.test(html) ? html : `<html><body>${html}</body></html>`)
  const article = await Defuddle(document, job.url, { markdown: true, useAsync: false })
  const text = withoutData(article.content).trim()
  if (text !== "") say({ kind: "article", title: article.title === "" ? title : article.title, text })
}

/** The last character may have been cut off. */
const isUtf8 = (bytes: Uint8Array) => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true })
    return true
  } catch {
    return false
  }
}
