/** Parses a `text/event-stream` piece by piece: data, last event id and reconnection time (HTML standard, section 9.2.6). */

export interface EventHandlers {
  /** Data of one event of the default type `message`. */
  readonly data: (text: string) => void
}

const field = /^([^:]*)(?:: ?(.*))?$/s

export class EventParser {
  readonly #handlers: EventHandlers
  #line = ""
  #afterReturn = false
  #type = ""
  #data: string | undefined
  /** Id of the last event that had one, also of events without data. */
  lastId: string | undefined
  /** Delay before the stream is resumed, in milliseconds, as the server has set it. */
  retry: number | undefined

  constructor(handlers: EventHandlers) {
    this.#handlers = handlers
  }

  push(text: string): void {
    // A line ends with LF, CR or CR LF, which two pieces may divide.
    const piece = this.#afterReturn && text.startsWith("\n") ? text.slice(1) : text
    if (text !== "") this.#afterReturn = text.endsWith("\r")
    const lines = (this.#line + piece).split(/\r\n|\n|\r/)
    this.#line = lines.pop() ?? ""
    for (const line of lines) this.#accept(line)
  }

  #accept(line: string): void {
    if (line === "") return this.#dispatch()
    const [, name, value = ""] = field.exec(line) ?? []
    if (name === "data") this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`
    else if (name === "event") this.#type = value
    else if (name === "id" && !value.includes("\0")) this.lastId = value
    else if (name === "retry" && /^\d+$/.test(value)) this.retry = Number(value)
  }

  #dispatch(): void {
    const data = this.#data
    const type = this.#type
    this.#data = undefined
    this.#type = ""
    if (data !== undefined && data !== "" && (type === "" || type === "message")) this.#handlers.data(data)
  }
}
