/** The resources that one session has subscribed to; bounded, because each costs memory here. */
import { Effect, Exit, Scope } from "effect"
import type { Catalog } from "../catalog/Catalog.ts"
import { TooManySubscriptions } from "../catalog/CatalogError.ts"
import type { Principal } from "../domain/Principal.ts"

const most = 1000

export class Subscriptions {
  readonly #catalog: Catalog["Service"]
  readonly #byUri = new Map<string, Scope.Closeable>()

  constructor(catalog: Catalog["Service"]) {
    this.#catalog = catalog
  }

  has(uri: string): boolean {
    return this.#byUri.has(uri)
  }

  /** Fails where the principal may not know of the resource, or may not read it. */
  add(principal: Principal, uri: string) {
    return Effect.gen({ self: this }, function* () {
      if (this.#byUri.has(uri)) return
      if (this.#byUri.size >= most) return yield* new TooManySubscriptions({ max: most })
      const scope = yield* Scope.make()
      this.#byUri.set(uri, scope)
      yield* this.#catalog.subscribe(principal, uri).pipe(
        Scope.provide(scope),
        Effect.onError(() => this.remove(uri))
      )
    })
  }

  remove(uri: string): Effect.Effect<void> {
    const scope = this.#byUri.get(uri)
    this.#byUri.delete(uri)
    return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
  }

  /** Ends all of them, with the session. */
  get end(): Effect.Effect<void> {
    return Effect.suspend(() =>
      Effect.forEach(Array.from(this.#byUri.keys()), (uri) => this.remove(uri), { discard: true })
    )
  }
}
