/** Request and result of fetching a web page. */
import { Schema, type Effect } from "effect"

/** Maximum characters of a page that a call can request. */
export const mostCharacters = 200_000

const described = <S extends Schema.Top>(schema: S, description: string) => schema.annotate({ description })

export const WebPage = Schema.Struct({
  url: described(Schema.String, "The requested URL."),
  final_url: described(Schema.NullOr(Schema.String), "The URL after redirects; null without a response."),
  status_code: described(Schema.NullOr(Schema.Int), "The HTTP status; null without a response."),
  elapsed_ms: described(Schema.Finite, "Total time in milliseconds."),
  content_type: described(Schema.NullOr(Schema.String), "The Content-Type header."),
  title: described(Schema.NullOr(Schema.String), "The title of an HTML page."),
  headers_json: described(
    Schema.String,
    "The response's headers as a JSON object; values of cookies and tokens are left out."
  ),
  content_preview: described(
    Schema.String,
    "HTML as Markdown, other text unchanged; for anything else its type and size."
  ),
  truncated: described(Schema.Boolean, "Whether there is more than is shown."),
  error: described(
    Schema.NullOr(Schema.String),
    "Why there is no response, or none that can be shown. Any HTTP status is a response."
  ),
  notes: Schema.optionalKey(
    described(
      Schema.Array(Schema.String),
      "What is not in the content, or may be wrong with it: parts left out, refreshes followed, pages built by scripts, cookie walls, encoding errors."
    )
  )
})
export type WebPage = typeof WebPage.Type

export type Step = "resolve" | "connect" | "download" | "extract"
/** In order. */
export const steps = ["resolve", "connect", "download", "extract"] as const satisfies ReadonlyArray<Step>

export interface WebPageRequest {
  readonly url: string
  /** Characters to show, at most `mostCharacters`; default `web.max_chars`. */
  readonly maxChars?: number | undefined
  /** Includes navigation, headers and footers; default false. */
  readonly wholePage?: boolean | undefined
  /** Called when a step begins, with a message; redirects repeat some steps. */
  readonly onStep: (step: Step, message: string) => Effect.Effect<void>
}
