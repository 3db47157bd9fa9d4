/** Policy of an entry: scopes, time limit, retries, cache, cost, concurrency. Guard enforces it. */
import { type BigDecimal, Context, type Duration } from "effect"
import type { Scope } from "./scopes.ts"

/** TTL and sharing scope of cached results. */
export interface CachePolicy {
  readonly ttl: Duration.Input
  /** Shared with `everybody`, with principals of the same `scopes`, or with the same `principal` only. */
  readonly among: "everybody" | "scopes" | "principal"
}

/** When a call is retried after a transient error: never, if the tool is idempotent, or always. */
export type Retry = "never" | "idempotent" | "always"

export interface Policy {
  /** Required scopes, all of them. */
  readonly scopes: ReadonlyArray<Scope>
  /** Time limit of one call with its retries; each progress report restarts it, up to `limits.max_duration`. */
  readonly timeLimit: Duration.Input
  readonly retry: Retry
  /** Absent: results are not cached. */
  readonly cache?: CachePolicy | undefined
  /**
   * Maximum cost of a call with these arguments, in USD, which the budget holds before the handler runs. The arguments
   * are not decoded yet. Absent: no hold; charges reported to `Spend` are settled anyway. Undefined for a call of a
   * model: its price is unknown, and the budget decides whether it may run.
   */
  readonly estimate?: ((args: unknown) => BigDecimal.BigDecimal | undefined) | undefined
  /**
   * Name of a dependency, such as a model provider or an upstream server. Entries of one dependency share a circuit breaker
   * and the slots of their `concurrency`, which should be equal. Absent: each tool has its own breaker; prompts,
   * resources and completions have none.
   */
  readonly dependency?: string | undefined
  /** False: no circuit breaker for this tool, because the calls that it makes have one. */
  readonly breaker?: boolean | undefined
  /** Maximum number of concurrent calls in this process; absent: unlimited. */
  readonly concurrency?: number | undefined
}

export const defaults: Policy = { scopes: ["call"], timeLimit: "60 seconds", retry: "never" }

/** Tool annotation: differences from `defaults`. */
export const ToolPolicy = Context.Reference<Partial<Policy>>("manifold/domain/Policy/ToolPolicy", {
  defaultValue: () => ({})
})
