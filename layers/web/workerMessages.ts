/** Messages between `DocumentReader` and its worker. */
import type { Refresh } from "./HtmlDocument.ts"

/** Converts an HTML page to Markdown. */
export interface PageJob {
  readonly kind: "page"
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The body was truncated. */
  readonly cut: boolean
  readonly url: string
  /** Charset of the Content-Type header. */
  readonly charset: string | undefined
  /** The page is XHTML. */
  readonly xml: boolean
  /** Includes navigation, headers and footers. */
  readonly wholePage: boolean
  readonly maxChars: number
  readonly maxElements: number
}

/** Whether a `robots.txt` allows `agent` to fetch `url`. */
export interface RobotsJob {
  readonly kind: "robots"
  readonly text: string
  readonly url: string
  readonly agent: string
}

export type Job = PageJob | RobotsJob

export interface PageResult {
  readonly kind: "page"
  readonly title: string
  readonly text: string
  readonly truncated: boolean
  readonly notes: ReadonlyArray<string>
  readonly refresh?: Refresh
}

export interface RobotsResult {
  readonly kind: "robots"
  readonly allowed: boolean
}

export type JobResult = PageResult | RobotsResult | { readonly kind: "failed"; readonly message: string }
