/** The messages between `Readable` and its worker: a foreign document, and what was read from it. */
import type { Refresh } from "./HtmlDocument.ts"

/** An HTML page to make Markdown of. */
export interface PageJob {
  readonly kind: "page"
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The bytes are the beginning of a longer body. */
  readonly cut: boolean
  readonly url: string
  /** What the server said. */
  readonly charset: string | undefined
  /** The page is XHTML. */
  readonly xml: boolean
  /** Navigation, headers and footers are shown, too. */
  readonly wholePage: boolean
  readonly maxChars: number
  readonly maxElements: number
}

/** Whether a `robots.txt` lets `agent` have `url`. */
export interface RobotsJob {
  readonly kind: "robots"
  readonly text: string
  readonly url: string
  readonly agent: string
}

export type Job = PageJob | RobotsJob

export interface PageAnswer {
  readonly kind: "page"
  readonly title: string
  readonly text: string
  readonly truncated: boolean
  readonly notes: ReadonlyArray<string>
  readonly refresh?: Refresh
}

export interface RobotsAnswer {
  readonly kind: "robots"
  readonly allowed: boolean
}

export type Answer = PageAnswer | RobotsAnswer | { readonly kind: "failed"; readonly message: string }
