/** Makes decks, step by step: theme, outline, pictures, file. */
import { DateTime, Effect, Semaphore, type FileSystem, type Path } from "effect"
import type { Outbound } from "../outbound/Outbound.ts"
import { deckError } from "./DeckError.ts"
import type { Deck, DeckRequest } from "./Deck.ts"
import { safeName } from "../output/safeNames.ts"
import type { Outline, Slide } from "./outline/Outline.ts"
import type { Output } from "../output/Output.ts"
import * as pictures from "./pictures.ts"
import * as press from "./press.ts"
import type { Settings } from "../output/section.ts"
import * as themes from "./themes.ts"

/** What it stands on. */
export interface Ground {
  readonly fs: FileSystem.FileSystem
  readonly paths: Path.Path
  readonly outbound: Outbound["Service"]
  readonly output: Output["Service"]
  /** As they are in force. */
  readonly settings: Effect.Effect<Settings>
}

/** Of all text that is given: each character is measured, some of them often. */
const mostCharacters = 2_000_000

const text = ({ lead, text: said }: { readonly lead?: string; readonly text: string }) =>
  lead === undefined ? said : `${lead}: ${said}`

/** What a page says, as lines. */
const lines = (slide: Slide): ReadonlyArray<string> => {
  switch (slide.layout) {
    case "title":
      return [slide.kicker, slide.subtitle].filter((line) => line !== undefined)
    case "bullets":
    case "closing":
    case "figure":
    case "chart":
      return slide.points.map(text)
    case "columns":
      return slide.columns.flatMap(({ heading, points }) => [
        ...(heading === undefined ? [] : [heading]),
        ...points.map(text)
      ])
    case "numbers":
      return slide.numbers.map(({ label, value }) => `${value} ${label}`)
    case "number":
      return slide.kicker === undefined ? [slide.value] : [slide.kicker, slide.value]
    case "table":
      return slide.rows.map((row) => row.join(" | "))
    case "quote":
      return slide.by === undefined ? [] : [slide.by]
    case "statement":
      return [slide.kicker, slide.text].filter((line) => line !== undefined)
    case "section":
      return []
  }
}

const most = { lines: 20, characters: 300 }
const short = (line: string) =>
  line.length <= most.characters ? line : `${line.slice(0, most.characters - 1)}…`

const told = ({ slides }: Outline): Deck["outline"] =>
  slides.map((slide, index) => ({
    slide: index + 1,
    layout: slide.layout,
    headline: short(slide.headline),
    points: lines(slide).slice(0, most.lines).map(short)
  }))

/** Characters of details that are words; pictures have bounds of their own. */
const sizeOf = (value: unknown): number => {
  if (typeof value === "string") return /^data:/i.test(value) ? 0 : value.length
  if (typeof value !== "object" || value === null) return 0
  return Object.values(value).reduce<number>((sum, each) => sum + sizeOf(each), 0)
}

const said = (value: unknown): boolean =>
  typeof value === "string"
    ? value.trim() !== ""
    : typeof value === "object" && value !== null && Object.values(value).some(said)

const check = ({ client, details, project, slides }: DeckRequest, { max_slides }: Settings) => {
  if (slides > max_slides)
    return deckError(
      "slides",
      `number_of_slides may be at most ${max_slides} (content.max_slides), and is ${slides}`
    )
  if (!details.some(said))
    return deckError(
      "details",
      "source_content_details says nothing: give at least one line for the slides to show"
    )
  if (sizeOf(details) > mostCharacters)
    return deckError(
      "details",
      `source_content_details has more than ${mostCharacters} characters: give less`
    )
  for (const [name, value] of [
    ["client_name", client],
    ["project_name", project]
  ] as const)
    if (safeName(value) === undefined)
      return deckError("name", `${name} needs a letter or a digit: it names a folder`)
  return undefined
}

const nothing = "source_content_details says nothing that a slide could show: give at least one line of text"
const tooLong = deckError(
  "drawing",
  "the deck took too long (content.time_limit): give less, or ask for fewer slides"
)

const those = (numbers: ReadonlyArray<number>) =>
  numbers.length === 1 ? `Slide ${numbers[0]} does` : `Slides ${numbers.join(", ")} do`
const shortened = "not show every word; the notes do, as far as there is room. More slides would show more."

export const make = ({ fs, outbound, output, paths, settings }: Ground) => {
  /** Each takes a core while it is drawn. */
  const atOnce = Semaphore.makeUnsafe(2)

  const create = Effect.fnUntraced(function* (request: DeckRequest, config: Settings) {
    const { onStep, owner, theme: wanted, ...asked } = request
    yield* onStep("theme")
    const theme = yield* themes.find(fs, paths, config.themes_dir, wanted ?? config.theme)
    yield* onStep("outline")
    const ask = yield* press.start
    const { arranged } = yield* ask({ kind: "arrange", request: asked, font: theme.file.fonts.body })
    if (!arranged.outline.slides.some(({ layout }) => layout !== "title" && layout !== "closing"))
      return yield* deckError("details", nothing)
    yield* onStep("pictures")
    const loaded = yield* pictures.load(arranged.outline, outbound, config)
    const outline = pictures.withoutMissing(arranged.outline, loaded.pictures)
    yield* onStep("draw")
    const created = DateTime.formatIso(yield* DateTime.now)
    const rendering = { outline, theme, pictures: loaded.pictures, created }
    const { rendered } = yield* ask({ kind: "render", rendering })
    yield* onStep("write")
    const saved = yield* output
      .save(owner, asked.client, asked.project, rendered.bytes)
      .pipe(Effect.mapError(({ detail, reason }) => deckError(reason, detail)))
    const cut = rendered.cut.length === 0 ? [] : [`${those(rendered.cut)} ${shortened}`]
    return {
      path: saved.path,
      uri: saved.uri,
      slides: outline.slides.length,
      outline: told(outline),
      remarks: [...arranged.remarks, ...loaded.remarks, ...cut]
    } satisfies Deck
  }, Effect.scoped)

  return Effect.fnUntraced(function* (request: DeckRequest) {
    const config = yield* settings
    const wrong = check(request, config)
    if (wrong !== undefined) return yield* wrong
    return yield* create(request, config).pipe(
      Effect.timeoutOrElse({ duration: config.time_limit, orElse: () => Effect.fail(tooLong) }),
      atOnce.withPermit
    )
  })
}
