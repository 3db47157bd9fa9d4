/** Decompresses HTTP bodies as browsers do: raw deflate, several gzip members, and bytes after the end are all accepted. */
import {
  createBrotliDecompress,
  createInflate,
  createInflateRaw,
  type BrotliDecompress,
  type Inflate,
  type InflateRaw
} from "node:zlib"

export type Format = "gzip" | "deflate" | "br" | "zstd"

type Bytes = Uint8Array<ArrayBuffer>
type Engine = Inflate | InflateRaw | BrotliDecompress

/** Maximum members of one gzip body; each uses a separate engine. */
const maxMembers = 1024
/** Maximum gzip header with name and comment, in bytes. */
const maxHeader = 65_536
/** CRC and length after each gzip member (RFC 1952, section 2.3.1). Browsers do not check them. */
const trailer = 8

const readerOf = (body: ReadableStream<Bytes>) => body.getReader()

/** Compressed bytes with look-ahead and push-back. */
class Source {
  readonly #reader: ReturnType<typeof readerOf>
  #ahead: Bytes = new Uint8Array()
  #done = false

  constructor(body: ReadableStream<Bytes>) {
    this.#reader = readerOf(body)
  }

  readonly cancel = () => this.#reader.cancel().catch(() => {})

  unread(bytes: Bytes) {
    this.#ahead = this.#ahead.length === 0 ? bytes : concat(bytes, this.#ahead)
  }

  /** The next bytes; undefined at the end. */
  async take(): Promise<Bytes | undefined> {
    if (this.#ahead.length > 0) {
      const bytes = this.#ahead
      this.#ahead = new Uint8Array()
      return bytes
    }
    if (this.#done) return undefined
    const { done, value } = await this.#reader.read()
    this.#done = done
    return value
  }

  /** At least `size` bytes, or all that are left, without consuming them. */
  async peek(size: number): Promise<Bytes> {
    while (this.#ahead.length < size && !this.#done) {
      const { done, value } = await this.#reader.read()
      this.#done = done
      if (value !== undefined) this.#ahead = concat(this.#ahead, value)
    }
    return this.#ahead
  }

  skip(size: number) {
    this.#ahead = this.#ahead.subarray(size)
  }
}

const concat = (one: Bytes, two: Bytes): Bytes => {
  const both = new Uint8Array(one.length + two.length)
  both.set(one)
  both.set(two, one.length)
  return both
}

/** Reads the output of an engine chunk by chunk, including output before an error, which an async iterator would lose. */
const outputOf = (engine: Engine) => {
  const made: Array<Bytes> = []
  const state: { over?: { readonly error?: Error } } = {}
  let wake = () => {}
  const stop = (end: { readonly error?: Error }) => {
    state.over ??= end
    wake()
  }
  engine.on("data", (chunk: Bytes) => {
    made.push(chunk)
    engine.pause()
    wake()
  })
  engine.on("end", () => stop({}))
  engine.on("error", (error) => stop({ error }))
  engine.on("close", () => stop({ error: new Error("closed before its end") }))
  return async (): Promise<Bytes | undefined> => {
    while (made.length === 0 && state.over === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>()
      wake = resolve
      engine.resume()
      await promise
    }
    const chunk = made.shift()
    if (chunk === undefined && state.over?.error !== undefined) throw state.over.error
    return chunk
  }
}

/** Runs one compressed stream through an engine and pushes back the bytes after its end. */
async function* run(source: Source, engine: Engine): AsyncGenerator<Bytes> {
  let fed = 0
  let last: Bytes = new Uint8Array()
  let ended = false
  const feed = async () => {
    try {
      for (;;) {
        const bytes = await source.take()
        if (ended) {
          if (bytes !== undefined) source.unread(bytes)
          return
        }
        if (bytes === undefined) return void engine.end()
        fed += bytes.length
        last = bytes
        await new Promise<void>((resolve) => {
          engine.once("close", resolve)
          engine.write(bytes, () => {
            engine.off("close", resolve)
            resolve()
          })
        })
        // The compressed stream ended within these bytes.
        if (engine.bytesWritten < fed) return
      }
    } catch (cause) {
      engine.destroy(cause instanceof Error ? cause : new Error("the connection was closed"))
    }
  }
  const output = outputOf(engine)
  const feeding = feed()
  try {
    for (let chunk = await output(); chunk !== undefined; chunk = await output()) yield chunk
  } finally {
    ended = true
    engine.destroy()
  }
  await feeding
  const unused = Math.min(last.length, fed - engine.bytesWritten)
  if (unused > 0) source.unread(last.subarray(last.length - unused))
}

const isGzip = (bytes: Bytes) => bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8

/** Length of a gzip header (RFC 1952, section 2.3); undefined while it is incomplete. */
const headerLength = (bytes: Bytes): number | undefined => {
  const flags = bytes[3] ?? 0
  let at = 10
  if ((flags & 4) !== 0) at += 2 + (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0)
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue
    const end = bytes.indexOf(0, at)
    if (end === -1) return undefined
    at = end + 1
  }
  if ((flags & 2) !== 0) at += 2
  return bytes.length < at ? undefined : at
}

async function* gunzip(source: Source): AsyncGenerator<Bytes> {
  for (let members = 0; members < maxMembers; members++) {
    let ahead = await source.peek(10)
    if (!isGzip(ahead)) {
      // Padding after the last member is ignored. An uncompressed body is passed through.
      if (members > 0) return
      for (let bytes = await source.take(); bytes !== undefined; bytes = await source.take()) yield bytes
      return
    }
    let length = headerLength(ahead)
    while (length === undefined && ahead.length < maxHeader) {
      const longer = await source.peek(ahead.length + 1)
      if (longer.length === ahead.length) break
      ahead = longer
      length = headerLength(ahead)
    }
    if (length === undefined) throw new Error("the gzip header is incomplete")
    source.skip(length)
    yield* run(source, createInflateRaw())
    if ((await source.peek(trailer + 1)).length <= trailer) return
    source.skip(trailer)
  }
  throw new Error(`more than ${maxMembers} gzip members`)
}

/** RFC 9110, section 8.4.1.2: deflate is the zlib format, and some servers send it without that wrapper. */
async function* inflate(source: Source): AsyncGenerator<Bytes> {
  const [first = 0, second = 0] = await source.peek(2)
  const wrapped = (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0
  yield* run(source, wrapped ? createInflate() : createInflateRaw())
}

const decoders = {
  gzip: gunzip,
  deflate: inflate,
  br: (source: Source) => run(source, createBrotliDecompress())
}

/** The decompressed body. It errors when the compressed data is damaged or ends early, after delivering the output before that point. */
export const decompress = (body: ReadableStream<Bytes>, format: Format): ReadableStream<Bytes> => {
  if (format === "zstd") return body.pipeThrough(new DecompressionStream("zstd"))
  const source = new Source(body)
  const pieces = decoders[format](source)
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next()
        if (!done) return controller.enqueue(value)
        controller.close()
        await source.cancel()
      },
      async cancel() {
        await source.cancel()
        await pieces.return(undefined)
      }
    },
    { highWaterMark: 0 }
  )
}
