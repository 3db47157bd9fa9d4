/** Fetches a web page as text. */
import { Effect, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { Progress } from "../../layers/progress/Progress.ts"
import { mostCharacters, Page, steps } from "../../layers/web/Page.ts"
import { Web } from "../../layers/web/Web.ts"
import { Shown } from "../catalog/Toolset.ts"
import { ToolPolicy } from "../domain/Policy.ts"

const Parameters = Schema.Struct({
  url: Schema.String.annotate({ description: "An http or https address on the public internet." }),
  max_chars: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: mostCharacters })).annotate({
      description: "How many characters of the page to show at most."
    })
  )
})

const show = ({ content_preview, error, final_url, status_code, title, truncated, url }: Page) =>
  [
    title === null ? undefined : `# ${title}`,
    `${final_url ?? url} (${status_code ?? "no answer"})`,
    error === null ? undefined : `Error: ${error}`,
    content_preview === "" ? undefined : content_preview,
    truncated ? "[There is more of it.]" : undefined
  ]
    .filter((part) => part !== undefined)
    .join("\n\n")

const FetchUrl = Tool.make("web.fetch_url", {
  description:
    "Fetch a web address and show it as text: an HTML page as Markdown, other text as it is. A page that cannot be had is answered with `error` set.",
  parameters: Parameters,
  success: Page,
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
      "web.fetch_url": Effect.fnUntraced(function* ({ max_chars, url }) {
        const progress = (yield* Progress).steps(steps)
        return yield* web.fetch({ url, maxChars: max_chars, onStep: progress.begin })
      })
    })
  )
)
