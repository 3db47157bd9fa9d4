/** Reads a response's body: decompressed as it comes, never more of it than allowed, never longer than allowed. */
import { Cause, Effect, Stream, type Pull } from "effect"
import { OutboundError } from "./OutboundError.ts"

/** What requests say they accept. */
export const accepted = "gzip, deflate, br, zstd"

/** RFC 9110, section 8.4.1, and what `DecompressionStream` calls it. */
const formats: Readonly<Record<string, Bun.CompressionFormat>> = {
  gzip: "gzip",
  "x-gzip": "gzip",
  deflate: "deflate",
  br: "brotli",
  zstd: "zstd"
}

const failed = (detail: string) => new OutboundError({ reason: "body", detail })

type Bytes = Uint8Array<ArrayBuffer>

/** The body as its sender made it. Encodings on top of one another have no honest use. */
const decompress = (body: ReadableStream<Bytes>, encoding: string) =>
  Effect.gen(function* () {
    const name = encoding.trim().toLowerCase()
    if (name === "" || name === "identity") return body
    const format = Object.hasOwn(formats, name) ? formats[name] : undefined
    if (format === undefined)
      return yield* failed(`the body is encoded as "${name.slice(0, 40)}", which is not supported`)
    return body.pipeThrough(new DecompressionStream(format))
  })

const opened = (response: Response) =>
  response.body === null
    ? Effect.undefined
    : Effect.map(decompress(response.body, response.headers.get("content-encoding") ?? ""), (body) =>
        body.getReader()
      )

export interface Limits {
  readonly maxBytes: number
  /** Fails when the exchange has no time left. */
  readonly within: <A>(self: Effect.Effect<A, OutboundError>) => Effect.Effect<A, OutboundError>
}

/** To be read once, by one of the three. */
export const make = (response: Response, { maxBytes, within }: Limits) => {
  /** An effect that answers the next piece each time it is run; `undefined` after the last. */
  const open = Effect.map(opened(response), (reader) =>
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
  )
  const tooLarge = failed(`the body is larger than ${maxBytes} bytes`)

  const prefix = Effect.gen(function* () {
    const read = yield* open
    const chunks: Array<Bytes> = []
    let size = 0
    for (let chunk = yield* read; chunk !== undefined; chunk = yield* read) {
      const room = maxBytes - size
      chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk)
      size += chunk.length
      if (size > maxBytes) break
    }
    return { bytes: joined(chunks), truncated: size > maxBytes }
  })

  const bytes = Effect.flatMap(prefix, (all) =>
    all.truncated ? Effect.fail(tooLarge) : Effect.succeed(all.bytes)
  )

  const body = Stream.fromPull(
    Effect.map(open, (read) => {
      let size = 0
      const pull: Pull.Pull<readonly [Bytes], OutboundError> = Effect.gen(function* () {
        const chunk = yield* read
        if (chunk === undefined) return yield* Cause.done()
        size += chunk.length
        return size > maxBytes ? yield* tooLarge : [chunk]
      })
      return pull
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
