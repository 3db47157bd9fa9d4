/** Creates a deck, step by step: theme, outline, pictures, drawing, file. */
import { DateTime, Effect, Semaphore, type FileSystem, type Path } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import type { Outbound } from "../outbound/Outbound.ts"
import { deckError } from "./DeckError.ts"
import type { Deck, DeckRequest } from "./Deck.ts"
import { startDeckWorker } from "./startDeckWorker.ts"
import { safeName } from "../output/safeNames.ts"
import { Output } from "../output/Output.ts"
import * as pictures from "./pictures.ts"
import { section, type Settings } from "../output/section.ts"
import * as themes from "./themes.ts"

/** Maximum number of characters of all text: each is measured, some of them often. */
const mostCharacters = 2_000_000

/** Characters of a request; pictures have separate limits. */
const sizeOf = (value: unknown): number => {
  if (typeof value === "string") return /^data:/i.test(value) ? 0 : value.length
  if (typeof value !== "object" || value === null) return 0
  return Object.values(value).reduce<number>((sum, each) => sum + sizeOf(each), 0)
}

const check = ({ client, details, outline, project, slides }: DeckRequest, { max_slides }: Settings) => {
  const wanted = outline?.slides.length ?? slides
  if (wanted === undefined) return deckError("slides", "number_of_slides is missing. Give it, or an outline.")
  if (wanted > max_slides)
    return deckError(
      "slides",
      `number_of_slides may be at most ${max_slides} (content.max_slides), and is ${wanted}`
    )
  if (sizeOf([details, outline]) > mostCharacters)
    return deckError("details", `The details have more than ${mostCharacters} characters: give less`)
  for (const [name, value] of [
    ["client_name", client],
    ["project_name", project]
  ] as const)
    if (safeName(value) === undefined)
      return deckError("name", `${name} needs a letter or a digit: it names a folder`)
  return undefined
}

const nothing = "says nothing that a slide could show: give at least one line of text, or an outline"
const tooLong = deckError(
  "drawing",
  "the deck took too long (content.time_limit): give less, or ask for fewer slides"
)

const shortened = (slides: ReadonlyArray<number>) =>
  `${slides.length === 1 ? `Slide ${slides[0]} does` : `Slides ${slides.join(", ")} do`} not show every word; the notes do, as far as there is room. More slides would show more.`

/** What making a deck needs, besides the configuration and the output folder. */
export type Services = FileSystem.FileSystem | Path.Path | Outbound

export const make = Effect.gen(function* () {
  const configured = yield* ConfigSource
  const output = yield* Output
  const services = yield* Effect.context<Services>()
  /** Each deck takes a core while it is drawn. */
  const concurrency = Semaphore.makeUnsafe(2)

  const create = Effect.fnUntraced(function* (request: DeckRequest, config: Settings) {
    const { client, details, onStep, outline: given, owner, project, slides, theme: wanted, type } = request
    yield* onStep("theme")
    const theme = yield* themes.find(config.themes_dir, wanted ?? config.theme)
    yield* onStep("outline")
    const run = yield* startDeckWorker
    const asked = { client, details, project, slides, type }
    const font = theme.file.fonts.body
    const { outline, remarks } = yield* run("arrange", { outline: given, request: asked, font })
    if (given === undefined && outline.slides.every(({ layout }) => layout === "title"))
      return yield* deckError("details", `source_content_details ${nothing}`)
    yield* onStep("pictures")
    const loaded = yield* pictures.load(outline, details, config)
    yield* onStep("draw")
    const created = DateTime.formatIso(yield* DateTime.now)
    const drawn = pictures.withoutMissing(outline, loaded.pictures)
    const { bytes, cut } = yield* run("render", { outline: drawn, theme, pictures: loaded.pictures, created })
    yield* onStep("write")
    const saved = yield* output
      .save(owner, client, project, bytes)
      .pipe(Effect.mapError(({ detail, reason }) => deckError(reason, detail)))
    return {
      path: saved.path,
      uri: saved.uri,
      slides: outline.slides.length,
      outline,
      remarks: [...remarks, ...loaded.remarks, ...(cut.length === 0 ? [] : [shortened(cut)])]
    } satisfies Deck
  }, Effect.scoped)

  return Effect.fnUntraced(function* (request: DeckRequest) {
    // The section was checked when it was read.
    const config = yield* Effect.orDie(configured.read(section))
    const wrong = check(request, config)
    if (wrong !== undefined) return yield* wrong
    return yield* create(request, config).pipe(
      Effect.timeoutOrElse({ duration: config.time_limit, orElse: () => Effect.fail(tooLong) }),
      Effect.provideContext(services),
      concurrency.withPermit
    )
  })
})
