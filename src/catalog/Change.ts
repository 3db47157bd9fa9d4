/** Change notifications of the catalog, each with its audience. */
import { Effect, type Scope } from "effect"
import type { Principal } from "../domain/Principal.ts"

/** Kinds of lists that clients cache; templates belong to `resources`. */
export type ListKind = "tools" | "prompts" | "resources"

/** A change of something that clients cache: a list, or the contents of one resource. */
export type Change = {
  /** Whether the principal can see a changed entry. Other principals must not be notified. */
  readonly concerns: (principal: Principal) => boolean
} & ({ readonly kind: ListKind } | { readonly kind: "resource"; readonly uri: string })

type Listener = (change: Change) => void

/** Publishes changes to the listeners of one catalog, synchronously and in order. */
export class Changes {
  readonly #listeners = new Set<Listener>()

  /** Evaluates `change` only if there is a listener. */
  publish(change: () => Change): void {
    if (this.#listeners.size === 0) return
    const made = change()
    for (const listener of this.#listeners) listener(made)
  }

  /** Adds the listener while the scope is open; it must not throw. */
  watch(listener: Listener): Effect.Effect<void, never, Scope.Scope> {
    // The same function may be added twice, so each registration is wrapped in a new one.
    return Effect.suspend(() => {
      const added: Listener = (change) => listener(change)
      return Effect.acquireRelease(
        Effect.sync(() => void this.#listeners.add(added)),
        () => Effect.sync(() => this.#listeners.delete(added))
      )
    })
  }
}
