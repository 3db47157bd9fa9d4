/** Checks sizes and qualities of images: retired values are translated, unknown ones fail with the list of valid values. */
import { entryOf } from "./fields.ts"
import { ModelError } from "./ModelError.ts"
import type { Provider } from "./Provider.ts"
import { knownProvider } from "./providers.ts"

export const qualities = ["auto", "low", "medium", "high", "xhigh", "max"] as const
export const usualSizes = ["auto", "1024x1024", "1536x1024", "1024x1536"] as const

/** Values of the retired DALL·E models. */
const retiredQualities: Readonly<Record<string, string>> = { standard: "medium", hd: "high" }

/** Pixels of one image, and the multiple of both edges, for OpenAI's models with arbitrary sizes. */
const pixels = { min: 655_360, max: 8_294_400 }
const step = 16
const maxRatio = 3

const isValidSize = (size: string): boolean => {
  if (size === "auto") return true
  const [, width = 0, height = 0] = (/^(\d{2,5})x(\d{2,5})$/.exec(size) ?? []).map(Number)
  const area = width * height
  return (
    width % step === 0 &&
    height % step === 0 &&
    area >= pixels.min &&
    area <= pixels.max &&
    Math.max(width, height) <= maxRatio * Math.min(width, height)
  )
}

const invalid = (provider: string, detail: string, remedy: string) =>
  new ModelError({ reason: "invalid", provider, detail, remedy })

/** The options to send, or why they are invalid. Servers that are not in the list of providers check sizes themselves. */
export const imageOptions = (
  { name }: Provider,
  wanted: { readonly size: string; readonly quality: string }
): { readonly size: string; readonly quality: string } | ModelError => {
  const quality = entryOf(retiredQualities, wanted.quality) ?? wanted.quality
  const { size } = wanted
  if (!qualities.some((each) => each === quality)) {
    const detail = `there is no image quality ${JSON.stringify(quality.slice(0, 40))}`
    return invalid(name, detail, `Use one of ${qualities.join(", ")}.`)
  }
  if (knownProvider(name) === undefined ? !/^(auto|\d{1,5}x\d{1,5})$/.test(size) : !isValidSize(size)) {
    const rule = `WIDTHxHEIGHT with edges divisible by ${step}, ${pixels.min} to ${pixels.max} pixels and a ratio of at most ${maxRatio}:1`
    return invalid(
      name,
      `the image size ${JSON.stringify(size.slice(0, 40))} is not supported`,
      `Use one of ${usualSizes.join(", ")}, or, where the model allows it, ${rule}.`
    )
  }
  return { size, quality }
}
