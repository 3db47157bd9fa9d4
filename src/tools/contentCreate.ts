/** Makes slide decks. */
import { Effect, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { Deck, steps } from "../../layers/decks/Deck.ts"
import { DeckError } from "../../layers/decks/DeckError.ts"
import { Decks } from "../../layers/decks/Decks.ts"
import { Detail } from "../../layers/decks/outline/Detail.ts"
import { mimeType } from "../../layers/output/Output.ts"
import { Progress } from "../../layers/progress/Progress.ts"
import { Caller } from "../catalog/Caller.ts"
import { Linked, Shown } from "../catalog/toolkitEntries.ts"
import { ToolPolicy } from "../domain/Policy.ts"

const Name = Schema.NonEmptyString.check(Schema.isMaxLength(300))

const Parameters = Schema.Struct({
  client_name: Name.annotate({ description: "Whom it is for; the folder that it is kept in." }),
  project_name: Name.annotate({
    description: "What it is about: the deck's title, or the line above it where the brief says more."
  }),
  source_content_type: Schema.String.check(Schema.isMaxLength(80)).annotate({
    description:
      "What the details are, in the singular: `Highlight`, `Result`, `Decision`; formats, as `text`, are not shown."
  }),
  source_content_details: Schema.Array(Detail)
    .check(Schema.isMinLength(1), Schema.isMaxLength(20_000))
    .annotate({
      description: "What the slides say, in its order: lines, or charts, tables, pictures as data."
    }),
  target_content_type: Schema.Literals(["PPT"]).annotate({ description: "What to make of it." }),
  number_of_slides: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotate({
    description: "With the first and the last one."
  }),
  content_brief: Schema.String.check(Schema.isMaxLength(20_000)).annotate({
    description:
      "What the deck is about and whom it is for. A phrase as `What the third quarter changed` is its title or subtitle; instructions go into the notes."
  }),
  theme: Schema.optionalKey(
    Schema.String.annotate({ description: "`light`, `dark`, or one of the operator's own." })
  )
})

const show = ({ outline, path, remarks, slides }: Deck) =>
  [
    `Made ${slides} ${slides === 1 ? "slide" : "slides"}: ${path}`,
    outline.map(({ headline, slide }) => `${slide}. ${headline}`).join("\n"),
    ...remarks
  ].join("\n\n")

const link = ({ path, uri }: Deck) => [
  {
    type: "resource_link" as const,
    uri,
    name: path.replace(/^.*[\\/]/, ""),
    description: "The deck, to be opened with PowerPoint, Keynote, LibreOffice or Google Slides.",
    mimeType
  }
]

const ContentCreate = Tool.make("content.create", {
  description:
    "Make a slide deck (PowerPoint) from details, ready to be shown: rules arrange them, numbers become charts, tables and key figures. Answers the file, its outline, and remarks on what could not be done as asked.",
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
          details: given.source_content_details,
          slides: given.number_of_slides,
          brief: given.content_brief,
          theme: given.theme,
          onStep: progress.begin
        })
      })
    })
  )
)
