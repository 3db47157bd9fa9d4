/** Classifies how a call ended: the outcome for observers, and the verdict for the circuit breaker. */
import { Cause, Exit } from "effect"
import { errorClass } from "../../src/domain/errorClass.ts"
import { isSuspension, transience } from "../../src/domain/Transient.ts"
import type { Ending, Outcome } from "../ledger/Calls.ts"
import type { Spent } from "../ledger/Spend.ts"
import type { Verdict } from "./circuitBreaker.ts"
import { isGuardRejection, TimedOut } from "./GuardError.ts"

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const limitOf = (error: object): { readonly limit?: string } =>
  "limit" in error && typeof error.limit === "string" ? { limit: error.limit } : {}

const endingOf = (exit: Exit.Exit<unknown, unknown>, cached: boolean): Ending => {
  if (Exit.isSuccess(exit)) return { status: "succeeded", cached }
  for (const reason of exit.cause.reasons) {
    if (Cause.isFailReason(reason)) {
      const { error } = reason
      const described = { errorClass: errorClass(error), message: message(error) }
      return isGuardRejection(error)
        ? { status: "refused", ...described, ...limitOf(error) }
        : { status: "failed", ...described }
    }
    if (Cause.isDieReason(reason)) {
      if (isSuspension(reason.defect)) return { status: "suspended" }
      return { status: "died", errorClass: errorClass(reason.defect), message: message(reason.defect) }
    }
  }
  return { status: "interrupted" }
}

/** `cached`: a success came from the cache. */
export const outcomeOf = (
  exit: Exit.Exit<unknown, unknown>,
  cached: boolean,
  spent: Spent | undefined
): Outcome => {
  const ending = endingOf(exit, cached)
  return spent === undefined ? ending : { ...ending, spent }
}

/** Invalid arguments, and rejections of nested calls or by the budget, are no evidence about the dependency. */
const isNeutral = (error: unknown): boolean =>
  isGuardRejection(error) ||
  (typeof error === "object" && error !== null && "_tag" in error && error._tag === "InvalidArguments")

/** A permanent error proves that the dependency works; a time-out, a transient error or a defect does not. */
export const judge = (exit: Exit.Exit<unknown, unknown>): Verdict => {
  if (Exit.isSuccess(exit)) return "success"
  let verdict: Verdict = "ignored"
  for (const reason of exit.cause.reasons) {
    if (Cause.isDieReason(reason) && !isSuspension(reason.defect)) return "failure"
    if (!Cause.isFailReason(reason)) continue
    if (reason.error instanceof TimedOut || transience(reason.error) !== undefined) return "failure"
    if (!isNeutral(reason.error)) verdict = "success"
  }
  return verdict
}
