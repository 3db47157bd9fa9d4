/** Serializes HTTP/1.1 requests (RFC 9112). */
import { program } from "../../../src/domain/version.ts"

export interface RequestParts {
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** Value of `Host`. */
  readonly host: string
  /** `host`, framing and `connection` are not the caller's. */
  readonly headers: Iterable<readonly [name: string, value: string]>
  readonly body: string | Uint8Array | undefined
}

const token = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/
const value = /^[\t\u0020-\u007e\u0080-\u00ff]*$/
const target = /^[\u0021-\u007e]+$/
/** A text with other characters has more bytes than characters. */
const ascii = /^[\0-\u007f]*$/

/** Fields of this hop, which the client sets, and `host`. */
const own: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
])

/** The whole request. Throws for parts that would end their line. */
export const requestText = ({
  body,
  headers,
  host,
  method,
  target: path
}: RequestParts): string | Uint8Array => {
  if (!token.test(method) || !target.test(path) || !target.test(host)) {
    throw new TypeError("invalid method or URL of a request")
  }
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n`
  let hasAgent = false
  let hasAccept = false
  for (const [given, text] of headers) {
    const name = given.toLowerCase()
    if (!token.test(name) || !value.test(text)) throw new TypeError(`invalid header ${name.slice(0, 100)}`)
    if (own.has(name)) continue
    hasAgent ||= name === "user-agent"
    hasAccept ||= name === "accept"
    head += `${name}: ${text}\r\n`
  }
  if (!hasAgent) head += `user-agent: ${program.name}/${program.version}\r\n`
  if (!hasAccept) head += "accept: */*\r\n"
  if (body !== undefined || method === "POST" || method === "PUT" || method === "PATCH") {
    head += `content-length: ${body === undefined ? 0 : Buffer.byteLength(body)}\r\n`
  }
  head += "\r\n"
  if (typeof body !== "object" && ascii.test(head)) return body === undefined ? head : head + body
  const bytes = Buffer.from(head, "latin1")
  return body === undefined
    ? bytes
    : Buffer.concat([bytes, typeof body === "string" ? Buffer.from(body) : body])
}
