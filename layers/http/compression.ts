/** Response compression by Accept-Encoding: whole bodies from 1 KiB on, streams flushed per chunk. */
import zlib from "node:zlib"
import { choose, type Encoding } from "./contentCodings.ts"
import { largeBody, respond, type Account } from "./chargedBody.ts"
import * as responses from "./responses.ts"
import { textOf } from "./textResponse.ts"

/** Shorter bodies, in bytes, cost more to compress than they save. */
const worthCompressing = 1024
/** Larger bodies, in bytes, are compressed on another thread. */
const offThreadBytes = 64 * 1024

const { constants } = zlib
const gzip = { level: 4 }
const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }
const zstd = { params: { [constants.ZSTD_c_compressionLevel]: 3 } }
/** Open streams keep their window as long as they live: 2 to the power of this many bytes. */
const streamWindow = 16
/** Approximate memory of a compressor with that window, in bytes. */
const compressorBytes = 128 * 1024

/** HTTP's "deflate" is the zlib format (RFC 9110, section 8.4.1.2). */
const inline: Record<Encoding, (bytes: Uint8Array) => Uint8Array<ArrayBuffer>> = {
  zstd: (bytes) => zlib.zstdCompressSync(bytes, zstd),
  br: (bytes) => zlib.brotliCompressSync(bytes, brotli),
  gzip: (bytes) => zlib.gzipSync(bytes, gzip),
  deflate: (bytes) => zlib.deflateSync(bytes, gzip)
}

type Done = (error: Error | null, bytes: Uint8Array<ArrayBuffer>) => void
const offThread: Record<Encoding, (bytes: Uint8Array, done: Done) => void> = {
  zstd: (bytes, done) => zlib.zstdCompress(bytes, zstd, done),
  br: (bytes, done) => zlib.brotliCompress(bytes, brotli, done),
  gzip: (bytes, done) => zlib.gzip(bytes, gzip, done),
  deflate: (bytes, done) => zlib.deflate(bytes, gzip, done)
}

/** Compressors that flush after each write. */
const flushing: Record<Encoding, () => zlib.Gzip | zlib.BrotliCompress | zlib.ZstdCompress> = {
  zstd: () =>
    zlib.createZstdCompress({
      params: { ...zstd.params, [constants.ZSTD_c_windowLog]: streamWindow },
      flush: constants.ZSTD_e_flush
    }),
  br: () =>
    zlib.createBrotliCompress({
      params: { ...brotli.params, [constants.BROTLI_PARAM_LGWIN]: streamWindow },
      flush: constants.BROTLI_OPERATION_FLUSH
    }),
  gzip: () => zlib.createGzip({ ...gzip, flush: constants.Z_SYNC_FLUSH }),
  deflate: () => zlib.createDeflate({ ...gzip, flush: constants.Z_SYNC_FLUSH })
}

const compress = (encoding: Encoding, bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> =>
  new Promise((resolve, reject) => {
    offThread[encoding](bytes, (error, compressed) => (error ? reject(error) : resolve(compressed)))
  })

/** Content types of whole bodies; event streams and NDJSON are not among them. */
const compressible =
  /^(?:text\/(?!event-stream)|application\/(?:[\w.-]+\+)?(?:json|xml)\b|application\/javascript\b|image\/svg\+xml)/i

/** Status codes of responses that have no body, or only a part of one. */
const uncompressedStatuses = new Set([101, 204, 205, 206, 304])

const isJson = (type: string): boolean => type.startsWith("application/json")

const coded = async (
  { headers, status }: Response,
  bytes: Uint8Array,
  encoding: Encoding,
  account: Account | undefined
): Promise<Response> => {
  headers.set("content-encoding", encoding)
  headers.delete("content-length")
  if (headers.get("vary")?.includes("Accept-Encoding") !== true) headers.append("vary", "Accept-Encoding")
  const body = bytes.byteLength > offThreadBytes ? await compress(encoding, bytes) : inline[encoding](bytes)
  return respond(body, { status, headers }, account)
}

/** Characters of a text in memory that is sent as it is: it is too short to be charged. */
const sentAsIs = (response: Response): number | undefined => {
  const length = textOf(response)?.length
  return length !== undefined && length < largeBody ? length : undefined
}

const isWorthIt = (length: number, identity: boolean) =>
  length >= worthCompressing || (length > 0 && !identity)

/** Hot path: JSON is UTF-8 (RFC 8259, section 8.1), so short texts are passed on without encoding. */
const wholeJson = (response: Response, encoding: Encoding, identity: boolean, account?: Account) => {
  const known = sentAsIs(response)
  if (known !== undefined && !isWorthIt(known, identity)) return response
  return response.text().then((text) => {
    const { headers, status } = response
    return isWorthIt(text.length, identity)
      ? coded(response, Buffer.from(text), encoding, account)
      : respond(text, { status, headers }, account)
  })
}

const whole = (response: Response, encoding: Encoding, identity: boolean, account?: Account) =>
  response.arrayBuffer().then((buffer) => {
    const { headers, status } = response
    const bytes = new Uint8Array(buffer)
    return isWorthIt(bytes.byteLength, identity)
      ? coded(response, bytes, encoding, account)
      : respond(bytes, { status, headers }, account)
  })

/** Uncompressed JSON; read only to charge a large body to the account. */
const plain = (response: Response, type: string, account: Account | undefined) => {
  if (account === undefined || !isJson(type) || sentAsIs(response) !== undefined) return response
  const { headers, status } = response
  return response.text().then((text) => respond(text, { status, headers }, account))
}

/**
 * The response in the coding that Accept-Encoding prefers. Reads a compressible body to its end, so a route that streams text
 * must be `raw`. 406 only for GET and HEAD: other requests have already taken effect and get their response.
 */
export const apply = (
  request: Request,
  response: Response,
  account?: Account
): Response | Promise<Response> => {
  const { headers } = response
  const type = headers.get("content-type")
  if (type === null || !(isJson(type) || compressible.test(type))) return response
  const reading = request.method === "GET" || request.method === "HEAD"
  // Caches store responses to GET and HEAD only.
  if (reading) headers.append("vary", "Accept-Encoding")
  const accepted = request.headers.get("accept-encoding")
  if (uncompressedStatuses.has(response.status) || headers.has("content-encoding")) return response
  if (accepted === null) return plain(response, type, account)
  if (headers.get("cache-control")?.includes("no-transform") === true) return response
  const { encoding, identity } = choose(accepted)
  if (encoding !== undefined) return (isJson(type) ? wholeJson : whole)(response, encoding, identity, account)
  if (identity || !reading || response.status !== 200) return plain(response, type, account)
  return responses.reject(406, "Not Acceptable: accept zstd, br, gzip, deflate or identity.", {
    vary: "Accept-Encoding"
  })
}

/** Memory of the stream's compressor in bytes, for the quota; 0 without one. */
export const streamCost = (request: Request): number =>
  choose(request.headers.get("accept-encoding")).encoding === undefined ? 0 : compressorBytes

/** The stream in an accepted coding, flushed per chunk, with the headers that declare it. */
export const stream = (
  request: Request,
  source: ReadableStream<Uint8Array>
): { readonly body: ReadableStream<Uint8Array>; readonly headers: Readonly<Record<string, string>> } => {
  const { encoding } = choose(request.headers.get("accept-encoding"))
  const vary = { vary: "Accept-Encoding" }
  if (encoding === undefined) return { body: source, headers: vary }
  const engine = flushing[encoding]()
  const reader = source.getReader()
  const chunks = { given: false }
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        engine.on("error", (cause) => controller.error(cause))
        engine.on("data", (chunk: Uint8Array) => {
          chunks.given = true
          controller.enqueue(new Uint8Array(chunk))
        })
      },
      pull: async (controller) => {
        // The stream pulls again only after a chunk.
        chunks.given = false
        while (!chunks.given) {
          const { done, value } = await reader.read().catch((cause: unknown) => {
            // Frees native memory, which garbage collection would release late.
            engine.destroy()
            throw cause
          })
          if (!done) {
            await new Promise<void>((resolve, reject) => {
              engine.write(value, (error) => (error ? reject(error) : resolve()))
            })
            continue
          }
          await new Promise<void>((resolve, reject) => {
            engine.once("end", resolve).once("error", reject).end()
          })
          controller.close()
          return
        }
      },
      cancel: (reason) => {
        engine.destroy()
        return reader.cancel(reason)
      }
    },
    // Back-pressure reaches the source.
    new ByteLengthQueuingStrategy({ highWaterMark: 0 })
  )
  return { body, headers: { ...vary, "content-encoding": encoding } }
}
