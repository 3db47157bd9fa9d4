/** How an entry may be called: scopes, time limit, retries, cache, cost, concurrency. Guard enforces it. */
import { type BigDecimal, Context, type Duration } from "effect"
import type { Scope } from "./Principal.ts"

/** How long a result may be given again, and to whom besides the one who caused it. */
export interface CachePolicy {
  readonly ttl: Duration.Input
  /** To `everybody`, to those with the same `scopes`, or to the same `principal` only. */
  readonly among: "everybody" | "scopes" | "principal"
}

/** Whether a call that failed for a passing reason may be repeated: never, if the tool is idempotent, or always. */
export type Retry = "never" | "idempotent" | "always"

export interface Policy {
  /** Scopes that a principal needs, all of them. */
  readonly scopes: ReadonlyArray<Scope>
  /** How long one call may take with its retries; each report of progress begins it anew, up to `limits.max_duration`. */
  readonly timeLimit: Duration.Input
  readonly retry: Retry
  /** Absent: no result is given twice. */
  readonly cache?: CachePolicy | undefined
  /**
   * What a call with these arguments may cost at most, in USD: held by the budget before the handler runs. The
   * arguments are as the caller sent them, not yet decoded. Absent: nothing is held, and what the handler reports to
   * `Spend` is settled all the same.
   */
  readonly estimate?: ((args: unknown) => BigDecimal.BigDecimal) | undefined
  /**
   * What the entry depends on, such as a model provider or an upstream server. Entries of one dependency share a circuit
   * breaker and, where they limit it, their `concurrency`, which should then be the same. Absent: each tool has its own
   * breaker, and prompts, resources and completions have none.
   */
  readonly dependency?: string | undefined
  /** How many calls may run at once in this process; absent: unlimited. */
  readonly concurrency?: number | undefined
}

export const defaults: Policy = { scopes: ["call"], timeLimit: "60 seconds", retry: "never" }

/** The annotation that carries what a tool says differently from `defaults`. */
export const ToolPolicy = Context.Reference<Partial<Policy>>("manifold/domain/Policy/ToolPolicy", {
  defaultValue: () => ({})
})
