/** Transient errors: a retry may succeed, because a dependency is overloaded, unreachable or slow. */
import { Schema } from "effect"

/** Type of the field `transient` of an error. */
export const Transience = Schema.Struct({
  /** Earliest retry in milliseconds, if the dependency said so. */
  retryAfter: Schema.optionalKey(Schema.Finite),
  /** Part of the result has been delivered: Guard does not retry the call, because the caller would get that part twice. */
  partial: Schema.optionalKey(Schema.Boolean)
})
export type Transience = typeof Transience.Type

/** Error of a tool whose dependency is temporarily unavailable. `detail` is shown to the caller. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  detail: Schema.String,
  transient: Transience
}) {
  override get message() {
    return this.detail
  }
}

/** The transience of an error; `undefined`: the error is permanent. Errors of other libraries have `transient: true`. */
export const transience = (error: unknown): Transience | undefined => {
  if (typeof error !== "object" || error === null || !("transient" in error)) return undefined
  const { transient } = error
  if (transient === true) return {}
  if (typeof transient !== "object" || transient === null) return undefined
  const { partial, retryAfter } = transient as { readonly retryAfter?: unknown; readonly partial?: unknown }
  return {
    ...(typeof retryAfter === "number" && Number.isFinite(retryAfter) && { retryAfter }),
    ...(partial === true && { partial })
  }
}

/** Marks a defect that is not a failure: the call is suspended until its client sends input. */
export const suspension = Symbol.for("manifold/domain/Transient/suspension")

export const isSuspension = (defect: unknown): boolean =>
  typeof defect === "object" && defect !== null && suspension in defect
