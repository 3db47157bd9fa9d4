/** Principal: the authenticated identity of a caller, with its scopes. */
import { Schema } from "effect"

/** Name of a permission: `read` lists and reads, `call` runs tools and prompts, `admin` administers. */
export const Scope = Schema.NonEmptyString.annotate({ identifier: "Scope" })
export type Scope = typeof Scope.Type

/** How the caller was authenticated. */
export const Source = Schema.Literals(["stdio", "anonymous-loopback", "api-token", "oauth"])
export type Source = typeof Source.Type

export class Principal extends Schema.Class<Principal>("Principal")({
  /** The user or machine, stable across connections. */
  subject: Schema.NonEmptyString,
  /** The program that acts for the subject: an OAuth client id, or the name of a token. */
  clientId: Schema.NonEmptyString,
  /** Current permissions. */
  scopes: Schema.Array(Scope),
  /** Permissions that it could obtain (step-up); includes `scopes`. */
  ceiling: Schema.Array(Scope),
  source: Source
}) {
  #key: string | undefined

  /** Key that binds state (sessions, request states, limits) to its owner. Computed once, because every call reads it. */
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

/** Built-in scopes; entries of a library may require others. */
export const everyScope: ReadonlyArray<Scope> = ["read", "call", "admin"]

/** The user who launched the program: has all scopes, because this user can run any program anyway. */
export const stdioUser = new Principal({
  subject: "stdio",
  clientId: "stdio",
  scopes: everyScope,
  ceiling: everyScope,
  source: "stdio"
})

/** An unauthenticated caller on this machine: may read and call, never administer. */
export const anonymousLoopback = new Principal({
  subject: "anonymous",
  clientId: "loopback",
  scopes: ["read", "call"],
  ceiling: ["read", "call"],
  source: "anonymous-loopback"
})
