/** Tool `content.create`: slide decks from an outline, or from details by rules. */
import { Effect, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { Deck, steps } from "../../layers/decks/Deck.ts"
import { DeckError } from "../../layers/decks/DeckError.ts"
import { Decks } from "../../layers/decks/Decks.ts"
import { Detail } from "../../layers/decks/outline/Detail.ts"
import { Outline } from "../../layers/decks/outline/Outline.ts"
import { mimeTypeOf } from "../../layers/output/fileTypes.ts"
import { Progress } from "../../layers/progress/Progress.ts"
import { Caller } from "../catalog/Caller.ts"
import { Linked, Shown } from "../catalog/toolkitEntries.ts"
import { ToolPolicy } from "../domain/Policy.ts"

const Name = Schema.NonEmptyString.check(Schema.isMaxLength(300))

const Parameters = Schema.Struct({
  client_name: Name.annotate({ description: "Client that the deck is for; names the folder of the file." }),
  project_name: Name.annotate({ description: "Subject and title of the deck." }),
  source_content_type: Schema.String.check(Schema.isMaxLength(80)).annotate({
    description:
      "What each detail is, in the singular: `Highlight`, `Result`, `Decision`. Names of formats (`text`) are not shown."
  }),
  source_content_details: Schema.optionalKey(
    Schema.Array(Detail).check(Schema.isMinLength(1), Schema.isMaxLength(20_000)).annotate({
      description:
        "The content, in order: lines, or charts, tables and pictures as data. Required without `outline`."
    })
  ),
  target_content_type: Schema.Literals(["PPT"]).annotate({ description: "Format of the result." }),
  number_of_slides: Schema.optionalKey(
    Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotate({
      description: "With the title slide. Required without `outline`."
    })
  ),
  content_brief: Schema.String.check(Schema.isMaxLength(20_000)).annotate({
    description: "Purpose and audience, for the author of the outline. Never shown."
  }),
  theme: Schema.optionalKey(
    Schema.String.annotate({ description: "`light`, `dark`, or one of the operator's own." })
  ),
  outline: Schema.optionalKey(
    Outline.annotate({
      description:
        "The slides, written by you: preferred over the arrangement by rules. Use only facts of the details; a headline states the point of its slide."
    })
  )
})

const show = ({ outline, path, remarks, slides }: Deck) =>
  [
    `Made ${slides} ${slides === 1 ? "slide" : "slides"}: ${path}`,
    outline.slides.map(({ headline }, index) => `${index + 1}. ${headline}`).join("\n"),
    ...remarks
  ].join("\n\n")

const link = ({ path, uri }: Deck) => [
  {
    type: "resource_link" as const,
    uri,
    name: path.replace(/^.*[\\/]/, ""),
    description: "The deck, to be opened with PowerPoint, Keynote, LibreOffice or Google Slides.",
    mimeType: mimeTypeOf("content.pptx")
  }
]

const ContentCreate = Tool.make("content.create", {
  description:
    "Create a slide deck (PowerPoint). Write the slides yourself as `outline` wherever the details are more than a list: pick a layout for each slide, state its point in the headline, keep lists short, and use only facts that you were given. Without `outline`, rules put the details on slides as they are: headings, lists, tables, charts of labelled numbers. The result has the drawn `outline`, and in `remarks` what could not be done; to change the deck, edit that outline and call again with the same arguments.",
  parameters: Parameters,
  success: Deck,
  failure: DeckError,
  dependencies: [Progress, Caller]
})
  .annotate(Tool.Title, "Create a slide deck")
  .annotate(Tool.Readonly, false)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, false)
  .annotate(Tool.OpenWorld, true)
  .annotate(Shown, show)
  .annotate(Linked, link)
  .annotate(ToolPolicy, { scopes: ["call"], timeLimit: "60 seconds", retry: "never", concurrency: 2 })

export const toolkit = Toolkit.make(ContentCreate)
export const layer = toolkit.toLayer(
  Effect.map(Decks, (decks) =>
    toolkit.of({
      "content.create": Effect.fnUntraced(function* (given) {
        const progress = (yield* Progress).steps(steps)
        return yield* decks.create({
          owner: (yield* Caller).principal,
          client: given.client_name,
          project: given.project_name,
          type: given.source_content_type,
          details: given.source_content_details ?? [],
          slides: given.number_of_slides,
          outline: given.outline,
          theme: given.theme,
          onStep: progress.begin
        })
      })
    })
  )
)
