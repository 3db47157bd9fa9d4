/** What is told of a web address that was fetched, whatever came of it. */
import { Schema, type Effect } from "effect"

/** Most characters of a page that can be asked for. */
export const mostCharacters = 200_000

const described = <S extends Schema.Top>(schema: S, description: string) => schema.annotate({ description })

export const Page = Schema.Struct({
  url: described(Schema.String, "The address as it was asked for."),
  final_url: described(
    Schema.NullOr(Schema.String),
    "What answered, after redirects; null when nothing did."
  ),
  status_code: described(Schema.NullOr(Schema.Int), "The HTTP status; null when nothing answered."),
  elapsed_ms: described(Schema.Finite, "How long all of it took, in milliseconds."),
  content_type: described(Schema.NullOr(Schema.String), "The Content-Type header."),
  title: described(Schema.NullOr(Schema.String), "The title of an HTML page."),
  headers_json: described(
    Schema.String,
    "The response's headers as a JSON object; values of cookies and tokens are left out."
  ),
  content_preview: described(
    Schema.String,
    "HTML as Markdown, other text as it is; of anything else its type and size."
  ),
  truncated: described(Schema.Boolean, "Whether there is more than is shown."),
  error: described(
    Schema.NullOr(Schema.String),
    "Why there is no answer, or none that can be shown. An answer with any status is none."
  )
})
export type Page = typeof Page.Type

export type Step = "resolve" | "connect" | "download" | "extract"
/** In their order. */
export const steps = ["resolve", "connect", "download", "extract"] as const satisfies ReadonlyArray<Step>

export interface PageRequest {
  readonly url: string
  /** Characters to show, at most `mostCharacters`; default `web.max_chars`. */
  readonly maxChars?: number | undefined
  /** Told when a step begins; redirects begin some again. */
  readonly onStep: (step: Step) => Effect.Effect<void>
}
