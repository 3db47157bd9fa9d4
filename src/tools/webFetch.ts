/** Fetches a web page as text. */
import { Effect, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { Progress } from "../../layers/progress/Progress.ts"
import { mostCharacters, WebPage, steps } from "../../layers/web/WebPage.ts"
import { Web } from "../../layers/web/Web.ts"
import { Shown } from "../catalog/toolkitEntries.ts"
import { ToolPolicy } from "../domain/Policy.ts"

const Parameters = Schema.Struct({
  url: Schema.String.annotate({ description: "An http or https URL on the public internet." }),
  max_chars: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: mostCharacters })).annotate({
      description: "Maximum characters of content to return."
    })
  ),
  whole_page: Schema.optionalKey(
    Schema.Boolean.annotate({
      description: "Include navigation, headers, footers and sidebars, which are omitted by default."
    })
  )
})

const show = ({
  content_preview,
  error,
  final_url,
  notes = [],
  status_code,
  title,
  truncated,
  url
}: WebPage) =>
  [
    title === null ? undefined : `# ${title}`,
    `${final_url ?? url} (${status_code ?? "no response"})`,
    error === null ? undefined : `Error: ${error}`,
    content_preview === "" ? undefined : content_preview,
    truncated ? "[Truncated: there is more.]" : undefined,
    notes.length === 0 ? undefined : notes.map((note) => `[${note}]`).join("\n")
  ]
    .filter((part) => part !== undefined)
    .join("\n\n")

const FetchUrl = Tool.make("web.fetch_url", {
  description:
    "Fetch a URL and return it as text: an HTML page as Markdown, other text unchanged. `notes` lists omitted parts. A failed fetch returns a result with `error` set.",
  parameters: Parameters,
  success: WebPage,
  dependencies: [Progress]
})
  .annotate(Tool.Title, "Fetch a web page")
  .annotate(Tool.Readonly, true)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, true)
  .annotate(Tool.OpenWorld, true)
  .annotate(Shown, show)
  .annotate(ToolPolicy, { timeLimit: "60 seconds", retry: "idempotent", concurrency: 16 })

export const toolkit = Toolkit.make(FetchUrl)
export const layer = toolkit.toLayer(
  Effect.map(Web, (web) =>
    toolkit.of({
      "web.fetch_url": Effect.fnUntraced(function* ({ max_chars, url, whole_page }) {
        const progress = (yield* Progress).steps(steps)
        return yield* web.fetch({
          url,
          maxChars: max_chars,
          wholePage: whole_page,
          onStep: progress.begin
        })
      })
    })
  )
)
