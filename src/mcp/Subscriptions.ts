/** Resource subscriptions of one session, limited per session, per principal and in total. */
import { Effect, Exit, Scope } from "effect"
import type { Quotas } from "../../layers/quotas/Quotas.ts"
import type { Catalog } from "../catalog/Catalog.ts"
import { TooManySubscriptions } from "../catalog/CatalogError.ts"
import type { Principal } from "../domain/Principal.ts"

/** Per session. */
const maxSubscriptions = 1000
/** Approximate size of a subscription without its URI, in bytes. */
const overhead = 512

type SubscriptionQuotas = Pick<Quotas["Service"], "memory" | "subscriptions">

interface Subscription {
  readonly scope: Scope.Closeable
  readonly release: () => void
}

/** Charges a subscription to both quotas and returns the release; `undefined` if one denies it. */
const take = ({ memory, subscriptions }: SubscriptionQuotas, key: string, uri: string) => {
  const bytes = overhead + 2 * uri.length
  if (!subscriptions.take(key, 1)) return undefined
  if (!memory.take(key, bytes)) {
    subscriptions.release(key, 1)
    return undefined
  }
  return () => {
    subscriptions.release(key, 1)
    memory.release(key, bytes)
  }
}

export class Subscriptions {
  readonly #catalog: Catalog["Service"]
  readonly #quotas: SubscriptionQuotas
  readonly #byUri = new Map<string, Subscription>()

  constructor(catalog: Catalog["Service"], quotas: SubscriptionQuotas) {
    this.#catalog = catalog
    this.#quotas = quotas
  }

  has(uri: string): boolean {
    return this.#byUri.has(uri)
  }

  /** Fails if the resource is not visible to the principal, or if it may not read it. */
  add(principal: Principal, uri: string) {
    return Effect.gen({ self: this }, function* () {
      if (this.#byUri.has(uri)) return
      if (this.#byUri.size >= maxSubscriptions)
        return yield* new TooManySubscriptions({ max: maxSubscriptions })
      const release = take(this.#quotas, principal.key, uri)
      if (release === undefined) {
        return yield* new TooManySubscriptions({ max: this.#quotas.subscriptions.limits.principal })
      }
      const scope = yield* Scope.make()
      this.#byUri.set(uri, { scope, release })
      yield* this.#catalog.subscribe(principal, uri).pipe(
        Scope.provide(scope),
        Effect.onError(() => this.remove(uri))
      )
    })
  }

  remove(uri: string): Effect.Effect<void> {
    const subscription = this.#byUri.get(uri)
    if (subscription === undefined) return Effect.void
    this.#byUri.delete(uri)
    subscription.release()
    return Scope.close(subscription.scope, Exit.void)
  }

  /** Ends all subscriptions. */
  get end(): Effect.Effect<void> {
    return Effect.suspend(() =>
      Effect.forEach(Array.from(this.#byUri.keys()), (uri) => this.remove(uri), { discard: true })
    )
  }
}
