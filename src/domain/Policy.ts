/** What a tool says about how it may be run. Tools declare a policy beside their schema; Guard reads it. */
import { Context, type Duration } from "effect"
import type { Scope } from "./Principal.ts"

export interface Policy {
  /** Scopes that a principal needs, all of them. */
  readonly scopes: ReadonlyArray<Scope>
  /** How long one call may take. */
  readonly timeLimit: Duration.Input
  /** Whether a failed call may be repeated: never, only if the tool is idempotent by its nature, or always. */
  readonly retry: "never" | "idempotent" | "always"
  /** How long a result may be given again for the same arguments; absent: never. */
  readonly cache?: Duration.Input
  /** What one call is expected to cost, in USD. */
  readonly cost: number
  /** How many calls may run at once in this process; absent: unlimited. */
  readonly concurrency?: number
}

export const defaults: Policy = { scopes: ["call"], timeLimit: "60 seconds", retry: "never", cost: 0 }

/** The annotation that carries what a tool says differently from `defaults`. */
export const ToolPolicy = Context.Reference<Partial<Policy>>("manifold/domain/Policy/ToolPolicy", {
  defaultValue: () => ({})
})
