/** What a tool says about how it may be run. Tools declare a policy beside their schema; Guard reads it. */
import { Context, type Duration } from "effect"
import type { Scope } from "./Principal.ts"

/** How long a result may be given again, and to whom besides the one who caused it. */
export interface Reuse {
  readonly ttl: Duration.Input
  /** To `everybody`, to those with the same `scopes`, or to the same `principal` only. */
  readonly among: "everybody" | "scopes" | "principal"
}

/** Whether a call that failed for a passing reason may be repeated: never, if the tool is idempotent, or always. */
export type Retry = "never" | "idempotent" | "always"

export interface Policy {
  /** Scopes that a principal needs, all of them. */
  readonly scopes: ReadonlyArray<Scope>
  /** How long one call may take with its retries; each report of progress begins it anew, up to `limits.longest`. */
  readonly timeLimit: Duration.Input
  readonly retry: Retry
  /** Absent: no result is given twice. */
  readonly cache?: Reuse | undefined
  /** What one call is expected to cost, in USD. */
  readonly cost: number
  /** How many calls may run at once in this process; absent: unlimited. */
  readonly concurrency?: number | undefined
}

export const defaults: Policy = { scopes: ["call"], timeLimit: "60 seconds", retry: "never", cost: 0 }

/** The annotation that carries what a tool says differently from `defaults`. */
export const ToolPolicy = Context.Reference<Partial<Policy>>("manifold/domain/Policy/ToolPolicy", {
  defaultValue: () => ({})
})
