/** Worker thread that counts tokens: building an encoder blocks it for 300 ms, and a megabyte of text for 200 ms. */
import wasm from "tiktoken/lite/tiktoken_bg.wasm" with { type: "file" }
import type { Tiktoken } from "tiktoken/lite/init"
import { embeddedFile } from "../platform/embeddedFile.ts"
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

// Bun's loader gives the path of the file; the package's types describe the module's exports.
const wasmPath: string = wasm as never
let ready: Promise<unknown> | undefined
const encoders = new Map<Encoding, Promise<Tiktoken>>()

const build = async (encoding: Encoding): Promise<Tiktoken> => {
  const { init, Tiktoken: Encoder } = await import("tiktoken/lite/init")
  ready ??= embeddedFile(wasmPath).then((bytes) => init((imports) => WebAssembly.instantiate(bytes, imports)))
  await ready
  const ranks =
    encoding === "o200k_base"
      ? await import("tiktoken/encoders/o200k_base.json")
      : await import("tiktoken/encoders/cl100k_base.json")
  return new Encoder(ranks.default.bpe_ranks, ranks.default.special_tokens, ranks.default.pat_str)
}

const encoder = (encoding: Encoding) => {
  const known = encoders.get(encoding) ?? build(encoding)
  encoders.set(encoding, known)
  return known
}

const count = async ({ encoding, id, text }: CountJob): Promise<CountAnswer> => {
  try {
    const encode = await encoder(encoding)
    let tokens = 0
    for (const segment of segments(text)) tokens += encode.encode_ordinary(segment).length
    return { id, tokens, split: isUnbroken(text) }
  } catch (cause) {
    return { id, failed: cause instanceof Error ? cause.message : String(cause) }
  }
}

globalThis.addEventListener("message", async ({ data }: MessageEvent<CountJob>) =>
  postMessage(await count(data), [])
)
