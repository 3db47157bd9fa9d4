/** Worker thread that counts tokens: reading the tokens of an encoding blocks it for 30 ms, and a megabyte of text for 100 ms. */
import { BytePairCounter } from "./BytePairCounter.ts"
import { isUnbroken, segments } from "./segments.ts"

export type Encoding = "o200k_base" | "cl100k_base"

export interface CountJob {
  readonly id: number
  readonly encoding: Encoding
  readonly text: string
}

/** `split`: the text has very long words that were counted in parts, so the count may be slightly too high. */
export type CountAnswer =
  | { readonly id: number; readonly tokens: number; readonly split: boolean }
  | { readonly id: number; readonly failed: string }

const counters = new Map<Encoding, Promise<BytePairCounter>>()

const build = async (encoding: Encoding): Promise<BytePairCounter> => {
  const data =
    encoding === "o200k_base"
      ? await import("tiktoken/encoders/o200k_base.json")
      : await import("tiktoken/encoders/cl100k_base.json")
  return new BytePairCounter(data.default)
}

const counterOf = (encoding: Encoding) => {
  const known = counters.get(encoding) ?? build(encoding)
  counters.set(encoding, known)
  return known
}

const count = async ({ encoding, id, text }: CountJob): Promise<CountAnswer> => {
  try {
    const counter = await counterOf(encoding)
    let tokens = 0
    for (const segment of segments(text)) tokens += counter.count(segment)
    return { id, tokens, split: isUnbroken(text) }
  } catch (cause) {
    return { id, failed: cause instanceof Error ? cause.message : String(cause) }
  }
}

globalThis.addEventListener("message", async ({ data }: MessageEvent<CountJob>) =>
  postMessage(await count(data), [])
)
