/** Parses one HTTP/1.1 response piece by piece (RFC 9112): interim responses, framing by length, chunks or close, trailers. */
import { Schema } from "effect"

export class InvalidResponse extends Schema.TaggedError<InvalidResponse>()("InvalidResponse", {
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

const invalid = (what: string) => new InvalidResponse({ detail: `the response is not valid HTTP: ${what}` })

export interface ResponseHead {
  readonly status: number
  readonly reason: string
  readonly headers: Headers
  /** Bytes of the body; `undefined`: it ends with the last chunk, or with the connection. */
  readonly length: number | undefined
  /** Seconds that the server keeps an idle connection open, if it says so. */
  readonly keptFor: number | undefined
}

export interface ParserEvents {
  readonly onHead: (head: ResponseHead) => void
  readonly onBody: (bytes: Uint8Array<ArrayBuffer>) => void
}

/** Most bytes of status lines and header fields, also of interim responses, and of trailers. */
const maxHead = 64 * 1024
/** Most header fields, also of interim responses: as many as `fetch` of Bun accepts. */
const maxFields = 256
/** Most bytes of a line with the size of a chunk and its extensions. */
const maxSizeLine = 4096

const statusLine = /^HTTP\/1\.([01]) (\d{3})(?: (.*))?$/
const token = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/
/** These are the characters that a value must not have. */
const control = /[\0-\u0008\u000a-\u001f\u007f]/
const chunkSize = /^([\da-fA-F]{1,12})[ \t]*(?:;.*)?$/
const digits = /^\d{1,15}$/

const isSpace = (code: number) => code === 0x20 || code === 0x09

/**
 * Without outer spaces, and only those of HTTP: `String.trim` removes other characters as well. A regular expression would take
 * seconds for a value with many spaces.
 */
const trimmed = (text: string): string => {
  let start = 0
  let end = text.length
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

/** The members of a list header, in lower case. */
const members = (value: string) => value.split(",").map((member) => trimmed(member).toLowerCase())

/** Statuses of responses that have no body. */
export const hasNoBody = (status: number): boolean => status === 204 || status === 205 || status === 304

const lengthOf = (value: string): number => {
  const [first = "", ...others] = members(value)
  if (!digits.test(first) || others.some((other) => other !== first)) throw invalid("Content-Length")
  return Number(first)
}

type State =
  "status" | "fields" | "counted" | "size" | "chunk" | "chunkEnd" | "trailers" | "untilClose" | "done"

export class ResponseParser {
  readonly #events: ParserEvents
  readonly #isHead: boolean
  #state: State = "status"
  /** The beginning of a line whose end has not arrived. */
  #partial = ""
  /** Bytes of lines since the head, or the trailers, began. */
  #bytesOfLines = 0
  #fields = 0
  /** Bytes of the body, or of the chunk, that are missing. */
  #missing = 0
  #hasBegun = false
  #minor = "1"
  #status = 0
  #reason = ""
  #headers = new Headers()
  #keepAlive = true

  /** `method` of the request, because the response to HEAD has no body. */
  constructor(method: string, events: ParserEvents) {
    this.#events = events
    this.#isHead = method === "HEAD"
  }

  get isDone(): boolean {
    return this.#state === "done"
  }

  /** Whether the connection can be used again after the response. */
  get keepAlive(): boolean {
    return this.#keepAlive
  }

  /** Throws `InvalidResponse`, after which the connection must be closed. */
  push(bytes: Buffer<ArrayBuffer>): void {
    this.#hasBegun = true
    let at = 0
    while (at < bytes.length) {
      switch (this.#state) {
        case "done":
          // The server must not send anything before the next request.
          this.#keepAlive = false
          return
        case "untilClose":
          this.#events.onBody(bytes.subarray(at))
          return
        case "counted":
        case "chunk":
          at = this.#take(bytes, at)
          break
        default:
          at = this.#takeLine(bytes, at)
      }
    }
  }

  /** The connection has ended. Throws if the response is not complete. */
  close(): void {
    if (this.#state === "untilClose") this.#state = "done"
    if (this.#state === "done") return
    throw new InvalidResponse({
      detail: `the server closed the connection ${this.#hasBegun ? "within" : "before"} its response`
    })
  }

  #take(bytes: Buffer<ArrayBuffer>, at: number): number {
    const end = Math.min(bytes.length, at + this.#missing)
    this.#missing -= end - at
    if (end > at) this.#events.onBody(bytes.subarray(at, end))
    if (this.#missing === 0) this.#state = this.#state === "chunk" ? "chunkEnd" : "done"
    return end
  }

  #takeLine(bytes: Buffer<ArrayBuffer>, at: number): number {
    const newline = bytes.indexOf(0x0a, at)
    const end = newline === -1 ? bytes.length : newline
    this.#bytesOfLines += end - at + 1
    if (this.#bytesOfLines > (this.#state === "size" || this.#state === "chunkEnd" ? maxSizeLine : maxHead)) {
      throw invalid("its head, a trailer or the size of a chunk is too long")
    }
    const piece = this.#partial + bytes.toString("latin1", at, end)
    if (newline === -1) {
      this.#partial = piece
      return end
    }
    this.#partial = ""
    this.#accept(piece.endsWith("\r") ? piece.slice(0, -1) : piece)
    return newline + 1
  }

  #accept(line: string): void {
    switch (this.#state) {
      case "status":
        return this.#acceptStatus(line)
      case "fields":
        return line === "" ? this.#endHead() : this.#acceptField(line)
      case "size":
        return this.#acceptSize(line)
      case "chunkEnd":
        if (line !== "") throw invalid("a chunk is longer than its size")
        this.#state = "size"
        return
      case "trailers":
        // Their meaning is defined by no header that this client knows.
        if (line === "") this.#state = "done"
        return
      default:
        throw invalid("unexpected line")
    }
  }

  #acceptStatus(line: string): void {
    const [, minor, status, reason = ""] = statusLine.exec(line) ?? []
    if (minor === undefined || control.test(reason)) throw invalid("status line")
    this.#minor = minor
    this.#status = Number(status)
    this.#reason = reason
    this.#state = "fields"
  }

  #acceptField(line: string): void {
    const colon = line.indexOf(":")
    const name = line.slice(0, colon)
    const value = trimmed(line.slice(colon + 1))
    if (++this.#fields > maxFields) throw invalid("it has too many header fields")
    if (colon === -1 || !token.test(name) || control.test(value)) throw invalid("header field")
    this.#headers.append(name, value)
  }

  #endHead(): void {
    if (this.#status < 200) {
      if (this.#status < 100 || this.#status === 101) throw invalid(`status ${this.#status}`)
      this.#headers = new Headers()
      this.#state = "status"
      return
    }
    if (this.#status > 599) throw invalid(`status ${this.#status}`)
    const length = this.#frame()
    this.#bytesOfLines = 0
    const [, seconds] = /(?:^|,)\s*timeout=(\d{1,6})/i.exec(this.#headers.get("keep-alive") ?? "") ?? []
    this.#events.onHead({
      status: this.#status,
      reason: this.#reason,
      headers: this.#headers,
      length,
      keptFor: seconds === undefined ? undefined : Number(seconds)
    })
  }

  /** Determines how the body ends (RFC 9112, section 6.3). */
  #frame(): number | undefined {
    const connection = members(this.#headers.get("connection") ?? "")
    this.#keepAlive = this.#minor === "1" ? !connection.includes("close") : connection.includes("keep-alive")
    const coding = this.#headers.get("transfer-encoding")
    const given = this.#headers.get("content-length")
    const length = given === null ? undefined : lengthOf(given)
    if (this.#isHead || hasNoBody(this.#status)) {
      this.#state = "done"
      // A server that sends the body all the same must not answer the next request with it.
      if (coding !== null || (length ?? 0) > 0) this.#keepAlive = false
      return 0
    }
    if (coding !== null) {
      if (trimmed(coding).toLowerCase() !== "chunked") throw invalid("Transfer-Encoding")
      // With a length, or in HTTP/1.0, it may be an attempt to smuggle a response.
      if (length !== undefined || this.#minor === "0") this.#keepAlive = false
      this.#state = "size"
      return undefined
    }
    if (length === undefined) {
      this.#keepAlive = false
      this.#state = "untilClose"
      return undefined
    }
    this.#missing = length
    this.#state = length === 0 ? "done" : "counted"
    return length
  }

  #acceptSize(line: string): void {
    const [, size] = chunkSize.exec(line) ?? []
    if (size === undefined) throw invalid("chunk size")
    this.#bytesOfLines = 0
    this.#missing = Number.parseInt(size, 16)
    this.#state = this.#missing === 0 ? "trailers" : "chunk"
  }
}
