/** Validity of the lists of an upstream server: for this service, and for its clients. */
import type { Lifetimes } from "../catalog/EntryTable.ts"
import type { Ttls } from "./lists.ts"

/** How long lists are valid that do not say so, in milliseconds: many servers do not announce changes. */
const defaultTtl = 300_000
/** Limits of what a server says, in milliseconds. */
const shortestTtl = 1000
const longestTtl = 3_600_000

export class ListValidity {
  /** Monotonic time, in milliseconds. */
  readonly #now: () => number
  /** When the lists are read again. */
  #until = Number.POSITIVE_INFINITY
  #readAt = 0
  #ttls: Ttls = {}

  constructor(now: () => number) {
    this.#now = now
  }

  /** The lists were read now. */
  begin(ttls: Ttls): void {
    const said = Object.values(ttls)
    const ttl = said.length === 0 ? defaultTtl : Math.min(...said)
    this.#readAt = this.#now()
    this.#until = this.#readAt + Math.min(Math.max(ttl, shortestTtl), longestTtl)
    this.#ttls = ttls
  }

  /** They are being read, and it is not known yet how long the new ones are valid. */
  postpone(): void {
    this.#until = this.#now() + defaultTtl
  }

  isValid(): boolean {
    return this.#now() < this.#until
  }

  /** For clients: the time that is left of what the server says; `undefined` if it says nothing. */
  readonly lifetimes: Lifetimes = {
    tools: () => this.#left("tools"),
    prompts: () => this.#left("prompts"),
    resources: () => this.#left("resources"),
    templates: () => this.#left("templates")
  }

  #left(kind: keyof Ttls): number | undefined {
    const ttl = this.#ttls[kind]
    return ttl === undefined ? undefined : Math.max(0, this.#readAt + ttl - this.#now())
  }
}
