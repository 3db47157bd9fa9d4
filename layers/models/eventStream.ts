/** Reads a stream of server-sent events (HTML Standard, section 9.2) in batches: all events that one read has completed. */
import { objectOf } from "./fields.ts"

export interface ServerEvent {
  /** Its type; empty if the server names none. */
  readonly event: string
  readonly data: string
}

/** Ends a stream of Chat Completions. */
const sentinel = "[DONE]"

/** Maximum milliseconds to wait for the end of a body after the sentinel. */
const drainTimeout = 1000

/** Events of text that arrives in pieces, cut anywhere. */
export class EventDecoder {
  /** Pieces of a line that is not complete. */
  #line: Array<string> = []
  #event = ""
  #data: string | undefined
  /** The last piece ended with a carriage return: a line feed that follows belongs to it. */
  #afterReturn = false

  /** The events that this piece completes. */
  push(text: string): ReadonlyArray<ServerEvent> {
    const piece = this.#withLineFeeds(text)
    const events: Array<ServerEvent> = []
    let begin = 0
    for (let end = piece.indexOf("\n"); end !== -1; end = piece.indexOf("\n", begin)) {
      let line = piece.slice(begin, end)
      if (this.#line.length > 0) {
        // Joined once per line: a long line in many pieces takes linear time.
        this.#line.push(line)
        line = this.#line.join("")
        this.#line = []
      }
      begin = end + 1
      if (line === "") this.#dispatch(events)
      else this.#field(line)
    }
    if (begin < piece.length) this.#line.push(piece.slice(begin))
    return events
  }

  /** The last event of a body without the blank line that completes it. */
  end(): ServerEvent | undefined {
    const events = this.push("\n\n")
    return events[0]
  }

  /** Lines may end with CR LF, LF or CR. */
  #withLineFeeds(text: string): string {
    const piece = this.#afterReturn && text.startsWith("\n") ? text.slice(1) : text
    if (text !== "") this.#afterReturn = false
    if (!piece.includes("\r")) return piece
    this.#afterReturn = piece.endsWith("\r")
    return piece.replaceAll(/\r\n?/g, "\n")
  }

  #field(line: string) {
    const colon = line.indexOf(":")
    const name = colon === -1 ? line : line.slice(0, colon)
    if (name !== "data" && name !== "event") return
    const value = colon === -1 ? "" : line.slice(line.charAt(colon + 1) === " " ? colon + 2 : colon + 1)
    if (name === "event") this.#event = value
    else this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`
  }

  #dispatch(events: Array<ServerEvent>) {
    if (this.#data !== undefined) events.push({ event: this.#event, data: this.#data })
    this.#event = ""
    this.#data = undefined
  }
}

interface Reader {
  readonly read: () => Promise<{ readonly done: boolean }>
  readonly cancel: () => Promise<void>
}

/** Reads what follows the sentinel, usually nothing, so that the connection can serve the next request. */
const drain = async (reader: Reader) => {
  // Not an Effect: it outlives the call, whose scope closes with the last event.
  const timer = setTimeout(() => void reader.cancel().catch(() => {}), drainTimeout).unref()
  try {
    while (!(await reader.read()).done);
  } catch {
    // The response is complete.
  } finally {
    clearTimeout(timer)
  }
}

const isSentinel = ({ data }: ServerEvent): boolean => data.trim() === sentinel

/** Whether an event that lacks its blank line is complete otherwise: a connection that was cut may end anywhere. */
const isWhole = ({ data }: ServerEvent): boolean => {
  try {
    return objectOf(JSON.parse(data)) !== undefined
  } catch {
    return false
  }
}

/**
 * The events before the sentinel, or before the end of the body. A read without events, such as a heartbeat, is an
 * empty batch. Ending the iteration early cancels the body.
 */
export async function* eventBatches(
  body: ReadableStream<Uint8Array>
): AsyncGenerator<ReadonlyArray<ServerEvent>, void> {
  const reader = body.getReader()
  const text = new TextDecoder()
  const decoder = new EventDecoder()
  let ended = false
  try {
    while (!ended) {
      const { done, value } = await reader.read()
      if (done) {
        ended = true
        const rest = decoder.end()
        if (rest !== undefined && isWhole(rest)) yield [rest]
        return
      }
      const events = decoder.push(text.decode(value, { stream: true }))
      const last = events.findIndex(isSentinel)
      if (last === -1) {
        yield events
        continue
      }
      ended = true
      void drain(reader)
      if (last > 0) yield events.slice(0, last)
    }
  } finally {
    if (!ended) await reader.cancel().catch(() => {})
  }
}
