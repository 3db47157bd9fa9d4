/** Principal: the authenticated identity of a caller, with its scopes. */
import { Schema } from "effect"
import { contains, everyScope, Scope } from "./scopes.ts"

/** How the caller was authenticated. */
export const Source = Schema.Literals(["stdio", "anonymous-loopback", "api-token", "oauth"])
export type Source = typeof Source.Type

const positive = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 }))
const dollars = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/** Limits of one principal, instead of those of the configuration. Costs are in USD. */
export const PrincipalLimits = Schema.Struct({
  calls_per_minute: Schema.optionalKey(
    positive.annotate({ description: "Maximum calls per minute, instead of `limits.principal`." })
  ),
  concurrency: Schema.optionalKey(
    positive.annotate({ description: "Maximum concurrent calls, instead of `limits.concurrency.principal`." })
  ),
  cost_hourly_max: Schema.optionalKey(dollars.annotate({ description: "Maximum cost per hour, in USD." })),
  cost_daily_max: Schema.optionalKey(dollars.annotate({ description: "Maximum cost per day, in USD." })),
  cost_total_max: Schema.optionalKey(dollars.annotate({ description: "Maximum cost in total, in USD." }))
})
export type PrincipalLimits = typeof PrincipalLimits.Type

export class Principal extends Schema.Class<Principal>("Principal")({
  /** The user or machine, stable across connections. */
  subject: Schema.NonEmptyString,
  /** The program that acts for the subject: an OAuth client id, or the name of a token. */
  clientId: Schema.NonEmptyString,
  /** Current permissions. */
  scopes: Schema.Array(Scope),
  /** Permissions that it could obtain (step-up); includes `scopes`. */
  ceiling: Schema.Array(Scope),
  source: Source,
  limits: Schema.optionalKey(PrincipalLimits)
}) {
  #key: string | undefined

  /** Key that binds state (sessions, request states, limits) to its owner. Computed once, because every call reads it. */
  get key(): string {
    return (this.#key ??= JSON.stringify([this.source, this.subject, this.clientId]))
  }

  /** `tool`: the name of the tool that requires the scopes; a scope such as `call:math.add` is for one tool. */
  may(required: ReadonlyArray<Scope>, tool?: string): boolean {
    return required.every((scope) => contains(this.scopes, scope, tool))
  }

  mayReach(required: ReadonlyArray<Scope>, tool?: string): boolean {
    return required.every((scope) => contains(this.ceiling, scope, tool))
  }
}

const keyParts = Schema.decodeSync(
  Schema.fromJsonString(Schema.Tuple([Source, Schema.String, Schema.String]))
)

/** Who has the key of a principal. */
export const identityOf = (key: string): Pick<Principal, "clientId" | "source" | "subject"> => {
  const [source, subject, clientId] = keyParts(key)
  return { source, subject, clientId }
}

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
