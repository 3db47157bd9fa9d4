/** Reads a response body: streaming decompression, limited in size and time. */
import { Cause, Effect, Stream, type Pull } from "effect"
import { decompress, type Format } from "../platform/decompress.ts"
import { OutboundError } from "./OutboundError.ts"

/** Value of Accept-Encoding. */
export const accepted = "gzip, deflate, br, zstd"

/** RFC 9110, section 8.4.1. */
const formats: Readonly<Record<string, Format>> = {
  gzip: "gzip",
  "x-gzip": "gzip",
  deflate: "deflate",
  br: "br",
  zstd: "zstd"
}
/** Maximum nested encodings, for a proxy that compresses a compressed body. */
const maxEncodings = 2

const failed = (detail: string) => new OutboundError({ reason: "body", detail })

type Bytes = Uint8Array<ArrayBuffer>

/** The decoded body; encodings are listed in the order of application. If it fails, the body can still be cancelled. */
export const decodedBody = (body: ReadableStream<Bytes>, header: string) =>
  Effect.gen(function* () {
    const names = header
      .toLowerCase()
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "" && name !== "identity")
    if (names.length > maxEncodings) {
      return yield* failed(`the body is compressed more than ${maxEncodings} times`)
    }
    const all: Array<Format> = []
    for (const name of names.toReversed()) {
      const format = Object.hasOwn(formats, name) ? formats[name] : undefined
      if (format === undefined) {
        return yield* failed(`the body is encoded as "${name.slice(0, 40)}", which is not supported`)
      }
      all.push(format)
    }
    let stream = body
    for (const format of all) stream = decompress(stream, format)
    return stream
  })

const opened = (response: Response) =>
  response.body === null
    ? Effect.undefined
    : Effect.map(decodedBody(response.body, response.headers.get("content-encoding") ?? ""), (body) =>
        body.getReader()
      )

export interface BodyLimits {
  readonly maxBytes: number
  /** Applies the remaining time of the request. */
  readonly within: <A>(self: Effect.Effect<A, OutboundError>) => Effect.Effect<A, OutboundError>
}

/** Read the body once, by one of the three. */
export const make = (response: Response, { maxBytes, within }: BodyLimits) => {
  /** `next` is the next chunk, `undefined` at the end; `close` frees the decompressor. */
  const open = Effect.map(opened(response), (reader) => ({
    close: Effect.sync(() => void reader?.cancel().catch(() => {})),
    next:
      reader === undefined
        ? Effect.undefined
        : within(
            Effect.tryPromise({
              try: async () => {
                const { done, value } = await reader.read()
                return done ? undefined : value
              },
              catch: () => failed("the body ended too early or could not be decompressed")
            })
          )
  }))
  const tooLarge = failed(`the body is larger than ${maxBytes} bytes`)

  const prefix = Effect.gen(function* () {
    const { close, next } = yield* open
    const chunks: Array<Bytes> = []
    let size = 0
    const read = Effect.gen(function* () {
      for (let chunk = yield* next; chunk !== undefined; chunk = yield* next) {
        const room = maxBytes - size
        chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk)
        size += chunk.length
        if (size > maxBytes) break
      }
      return undefined
    })
    const damage = yield* read.pipe(
      Effect.catchIf(
        ({ reason }) => reason === "body" && size > 0,
        (error) => Effect.succeed(error)
      ),
      Effect.ensuring(close)
    )
    return {
      bytes: joined(chunks),
      truncated: size > maxBytes || damage !== undefined,
      ...(damage !== undefined && { damage })
    }
  })

  const bytes = Effect.flatMap(prefix, (all) =>
    all.truncated ? Effect.fail(all.damage ?? tooLarge) : Effect.succeed(all.bytes)
  )

  const body = Stream.unwrap(
    Effect.map(open, ({ close, next }) => {
      let size = 0
      const pull: Pull.Pull<readonly [Bytes], OutboundError> = Effect.gen(function* () {
        const chunk = yield* next
        if (chunk === undefined) return yield* Cause.done()
        size += chunk.length
        return size > maxBytes ? yield* tooLarge : [chunk]
      })
      return Stream.ensuring(Stream.fromPull(Effect.succeed(pull)), close)
    })
  )

  return { body, bytes, prefix }
}

const joined = (chunks: ReadonlyArray<Bytes>): Bytes => {
  const whole = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0))
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}
