/** Change notifications of the catalog, each with the principals that it concerns. */
import { Effect, type Scope } from "effect"
import type { Principal } from "../domain/Principal.ts"

/** The kinds of lists that clients cache; templates belong to `resources`. */
export type ListKind = "tools" | "prompts" | "resources"

/** Something that a client may have cached has changed: a list, or the contents of one resource. */
export type Change = {
  /** Whether the principal can see an entry that changed. Others must not be notified. */
  readonly concerns: (principal: Principal) => boolean
} & ({ readonly kind: ListKind } | { readonly kind: "resource"; readonly uri: string })

type Listener = (change: Change) => void

/** Publishes changes to the listeners of one catalog, synchronously and in order. */
export class Changes {
  readonly #listeners = new Set<Listener>()

  /** `change` is made only if there is a listener. */
  publish(change: () => Change): void {
    if (this.#listeners.size === 0) return
    const made = change()
    for (const listener of this.#listeners) listener(made)
  }

  /** Adds the listener while the scope is open; it must not throw. */
  watch(listener: Listener): Effect.Effect<void, never, Scope.Scope> {
    // One function may be added twice, so each registration is a function of its own.
    return Effect.suspend(() => {
      const added: Listener = (change) => listener(change)
      return Effect.acquireRelease(
        Effect.sync(() => void this.#listeners.add(added)),
        () => Effect.sync(() => this.#listeners.delete(added))
      )
    })
  }
}
