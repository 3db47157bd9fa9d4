/** Failures that may be gone at the next try: what is asked too often, away, or too slow at the moment. */
import { Schema } from "effect"

/** What an error says of itself in its field `transient`. */
export const Transience = Schema.Struct({
  /** Not earlier than in so many milliseconds, where the other side said so. */
  retryAfter: Schema.optionalKey(Schema.Finite)
})
export type Transience = typeof Transience.Type

/** What a tool may fail with when it is not to blame, and trying again may help. `detail` is meant for the caller. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  detail: Schema.String,
  transient: Transience
}) {
  override get message() {
    return this.detail
  }
}

/** What the error says; `undefined` when it will be the same next time. Other people's errors just say `true`. */
export const transience = (error: unknown): Transience | undefined => {
  if (typeof error !== "object" || error === null || !("transient" in error)) return undefined
  const { transient } = error
  if (transient === true) return {}
  if (typeof transient !== "object" || transient === null) return undefined
  const { retryAfter } = transient as { readonly retryAfter?: unknown }
  return typeof retryAfter === "number" && Number.isFinite(retryAfter) ? { retryAfter } : {}
}

/** Marks a defect that is no failure: the call ends here because its caller must answer something first. */
export const suspension = Symbol.for("manifold/domain/Transient/suspension")

export const isSuspension = (defect: unknown): boolean =>
  typeof defect === "object" && defect !== null && suspension in defect
