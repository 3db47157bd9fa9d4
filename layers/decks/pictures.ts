/** Loads the pictures of an outline: from data, or from the web under the outbound policy; never from a file. */
import { Effect } from "effect"
import { Outbound } from "../outbound/Outbound.ts"
import type { Detail } from "./outline/Detail.ts"
import type { Outline, Slide } from "./outline/Outline.ts"
import { inspect, type Picture } from "./Picture.ts"
import type { Settings } from "../output/section.ts"

/** Maximum number of bytes of all pictures of a deck. */
const mostTogether = 40 * 1024 * 1024

const data = /^data:image\/[a-z0-9.+-]+(?:;[a-z0-9=._-]+)*;base64,/i
const web = /^https?:\/\//i

const short = (source: string) => (source.length <= 80 ? source : `${source.slice(0, 79)}…`)

const fromData = (source: string, most: number): Picture | string => {
  const start = source.indexOf(",") + 1
  if ((source.length - start) * 0.75 > most + 3) return `it has more than ${most} bytes`
  return inspect(new Uint8Array(Buffer.from(source.slice(start), "base64")))
}

/** `#2` is the picture of the second detail. */
const resolve = (source: string, details: ReadonlyArray<Detail>): string => {
  const detail = /^#\d{1,5}$/.test(source) ? details[Number(source.slice(1)) - 1] : undefined
  return typeof detail === "string"
    ? detail.trim()
    : detail !== undefined && "image" in detail
      ? detail.image.trim()
      : source
}

export const load = Effect.fnUntraced(function* (
  outline: Outline,
  details: ReadonlyArray<Detail>,
  settings: Settings
) {
  const outbound = yield* Outbound
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

  for (const name of sources) {
    const source = resolve(name, details)
    const found =
      pictures.size >= settings.max_images
        ? `a deck has at most ${settings.max_images} pictures`
        : data.test(source.slice(0, 200))
          ? fromData(source, settings.max_image_bytes)
          : web.test(source)
            ? yield* fromWeb(source)
            : "it must be `data:image/png;base64,…`, an http or https address, or the `#number` of a detail with a picture"
    if (typeof found === "string" || together + found.bytes.length > mostTogether) {
      const why = typeof found === "string" ? found : `all pictures have more than ${mostTogether} bytes`
      remarks.push(`The picture ${short(source)} is left out: ${why}.`)
      continue
    }
    together += found.bytes.length
    pictures.set(name, found)
  }
  return { pictures, remarks }
})

/** Slides whose picture could not be loaded show their text without it. */
export const withoutMissing = (outline: Outline, pictures: ReadonlyMap<string, Picture>): Outline => ({
  ...outline,
  slides: outline.slides.map((slide): Slide => {
    if (slide.layout !== "figure" || pictures.has(slide.image)) return slide
    const { headline, notes, points = [] } = slide
    const said = { headline, ...(notes !== undefined && { notes }) }
    return points.length > 0
      ? { layout: "bullets" as const, ...said, points }
      : { layout: "statement" as const, ...said }
  })
})
