/** Gets the pictures of an outline: from their data, or from the web as anything else is got; never from a file. */
import { Effect } from "effect"
import type { Outbound } from "../outbound/Outbound.ts"
import type { Outline } from "./outline/Outline.ts"
import { inspect, type Picture } from "./Picture.ts"
import type { Settings } from "../output/section.ts"

/** Of all pictures of a deck together. */
const mostTogether = 40 * 1024 * 1024

const data = /^data:image\/[a-z0-9.+-]+(?:;[a-z0-9=._-]+)*;base64,/i
const web = /^https?:\/\//i

/** As it may be shown in a message. */
const short = (source: string) => (source.length <= 80 ? source : `${source.slice(0, 79)}…`)

const fromData = (source: string, most: number): Picture | string => {
  const start = source.indexOf(",") + 1
  if ((source.length - start) * 0.75 > most + 3) return `it has more than ${most} bytes`
  const bytes = new Uint8Array(Buffer.from(source.slice(start), "base64"))
  return inspect(bytes)
}

export interface Loaded {
  readonly pictures: ReadonlyMap<string, Picture>
  readonly remarks: ReadonlyArray<string>
}

export const load = Effect.fnUntraced(function* (
  outline: Outline,
  outbound: Outbound["Service"],
  settings: Settings
) {
  const sources = new Set(outline.slides.flatMap((slide) => (slide.layout === "figure" ? [slide.image] : [])))
  const pictures = new Map<string, Picture>()
  const remarks: Array<string> = []
  let together = 0

  const fromWeb = (source: string) =>
    outbound
      .request({
        url: source,
        headers: { accept: "image/png, image/jpeg, image/gif" },
        maxBytes: settings.max_image_bytes
      })
      .pipe(
        Effect.flatMap(({ bytes, status }) =>
          status === 200 ? Effect.map(bytes, inspect) : Effect.succeed(`the server answered ${status}`)
        ),
        Effect.scoped,
        Effect.catch(({ message }) => Effect.succeed(message))
      )

  for (const source of sources) {
    const found =
      pictures.size >= settings.max_images
        ? `a deck has at most ${settings.max_images} pictures`
        : data.test(source.slice(0, 200))
          ? fromData(source, settings.max_image_bytes)
          : web.test(source)
            ? yield* fromWeb(source)
            : "it must be `data:image/png;base64,…`, or an http or https address"
    if (typeof found === "string") {
      remarks.push(`The picture ${short(source)} is left out: ${found}.`)
      continue
    }
    if (together + found.bytes.length > mostTogether) {
      remarks.push(
        `The picture ${short(source)} is left out: all pictures have more than ${mostTogether} bytes.`
      )
      continue
    }
    together += found.bytes.length
    pictures.set(source, found)
  }
  return { pictures, remarks } satisfies Loaded
})

/** A page whose picture could not be had says what it says without it. */
export const withoutMissing = (outline: Outline, pictures: ReadonlyMap<string, Picture>): Outline => ({
  ...outline,
  slides: outline.slides.map((slide) => {
    if (slide.layout !== "figure" || pictures.has(slide.image)) return slide
    const { headline, notes, points } = slide
    const said = { headline, ...(notes !== undefined && { notes }) }
    return points.length > 0
      ? { layout: "bullets" as const, ...said, points }
      : { layout: "statement" as const, ...said }
  })
})
