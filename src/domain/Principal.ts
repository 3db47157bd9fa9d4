/** Who is asking: the first noun of the spine. Every surface makes one `Principal` and passes it on. */
import { Schema } from "effect"

/** A permission name. `read` lists and reads, `call` runs tools and prompts, `admin` administers. */
export const Scope = Schema.NonEmptyString.annotate({ identifier: "Scope" })
export type Scope = typeof Scope.Type

/** How the caller proved who it is. */
export const Source = Schema.Literals(["stdio", "anonymous-loopback", "api-token", "oauth"])
export type Source = typeof Source.Type

export class Principal extends Schema.Class<Principal>("Principal")({
  /** The user or machine that acts, stable across connections. */
  subject: Schema.NonEmptyString,
  /** The program that acts for the subject (an OAuth client id, a token's name). */
  clientId: Schema.NonEmptyString,
  /** What it may do now. */
  scopes: Schema.Array(Scope),
  /** What it may come to do by asking for more (step-up); always contains `scopes`. */
  ceiling: Schema.Array(Scope),
  source: Source
}) {
  #key: string | undefined

  /** Identity for binding state (sessions, request states, limits) to its owner. Computed once, as every call reads it. */
  get key(): string {
    return (this.#key ??= JSON.stringify([this.source, this.subject, this.clientId]))
  }

  may(required: ReadonlyArray<Scope>): boolean {
    return required.every((scope) => this.scopes.includes(scope))
  }

  mayReach(required: ReadonlyArray<Scope>): boolean {
    return required.every((scope) => this.ceiling.includes(scope))
  }
}

/** The scopes that this program knows; entries of a library may have others. */
export const everyScope: ReadonlyArray<Scope> = ["read", "call", "admin"]

/** The person who launched the program: all scopes, because they could have run anything else as well. */
export const stdioUser = new Principal({
  subject: "stdio",
  clientId: "stdio",
  scopes: everyScope,
  ceiling: everyScope,
  source: "stdio"
})

/** Somebody on this machine who did not say who they are: may read and call, never administer. */
export const anonymousLoopback = new Principal({
  subject: "anonymous",
  clientId: "loopback",
  scopes: ["read", "call"],
  ceiling: ["read", "call"],
  source: "anonymous-loopback"
})
