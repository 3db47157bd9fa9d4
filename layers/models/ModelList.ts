/** Model lists of providers, cached: an unknown model is rejected before anything is spent. */
import { type Clock, Effect, Semaphore } from "effect"
import { suggestNames } from "../config/suggestName.ts"
import type { Adapter } from "./Adapter.ts"
import { ModelError } from "./ModelError.ts"
import type { Provider } from "./Provider.ts"
import { monotonicMillis } from "../platform/monotonic.ts"

/** In milliseconds. */
const freshFor = 3_600_000
/** TTL, in milliseconds, after a list could not be read: not every server has one. */
const absentFor = 300_000
const timeout = 5000
/** Maximum number of retained ids. */
const mostModels = 10_000
const mostSuggestions = 3

interface Known {
  readonly ids: ReadonlySet<string> | undefined
  readonly until: number
}

export class ModelList {
  readonly #provider: Provider
  readonly #adapter: Adapter
  readonly #turn = Semaphore.makeUnsafe(1)
  /** Aliases: ids that the provider confirmed although they are not in its list. */
  readonly #aliases = new Set<string>()
  #known: Known | undefined

  constructor(provider: Provider, adapter: Adapter) {
    this.#provider = provider
    this.#adapter = adapter
  }

  #fresh(clock: Clock.Clock): Known | undefined {
    return this.#known !== undefined && monotonicMillis(clock) < this.#known.until ? this.#known : undefined
  }

  /** Undefined: the server has no list, or it cannot be read at the moment. */
  get ids(): Effect.Effect<ReadonlySet<string> | undefined> {
    return Effect.clockWith((clock) => {
      const known = this.#fresh(clock)
      return known === undefined ? this.#read(clock) : Effect.succeed(known.ids)
    })
  }

  #read(clock: Clock.Clock): Effect.Effect<ReadonlySet<string> | undefined> {
    return this.#turn.withPermit(
      Effect.gen({ self: this }, function* () {
        // Another call may have read it meanwhile.
        const known = this.#fresh(clock)
        if (known !== undefined) return known.ids
        const ids = yield* Effect.tryPromise((signal) => this.#adapter.models(signal)).pipe(
          Effect.timeout(timeout),
          Effect.map((all) => (all.length === 0 ? undefined : new Set(all.slice(0, mostModels)))),
          // An older list is better than none.
          Effect.orElseSucceed(() => this.#known?.ids)
        )
        this.#known = { ids, until: monotonicMillis(clock) + (ids === undefined ? absentFor : freshFor) }
        return ids
      })
    )
  }

  /** Fails with `invalid` and the nearest names if the provider does not have the model. */
  check(model: string, kind: "text" | "image" = "text"): Effect.Effect<void, ModelError> {
    return Effect.suspend(() => {
      if (this.#known?.ids?.has(model) === true || this.#aliases.has(model)) return Effect.void
      return Effect.flatMap(this.ids, (ids) =>
        ids === undefined || ids.has(model) ? Effect.void : this.#checkUnlisted(model, kind, ids)
      )
    })
  }

  #checkUnlisted(model: string, kind: "text" | "image", ids: ReadonlySet<string>) {
    return Effect.gen({ self: this }, function* () {
      // Lists lack aliases and the newest models.
      const exists = yield* Effect.tryPromise((signal) => this.#adapter.hasModel(model, signal)).pipe(
        Effect.timeout(timeout),
        Effect.orElseSucceed(() => true)
      )
      if (exists) {
        if (this.#aliases.size < mostModels) this.#aliases.add(model)
        return
      }
      const fitting = [...ids].filter((id) => kind === "text" || id.includes("image"))
      const near = suggestNames(model, fitting).slice(0, mostSuggestions)
      return yield* new ModelError({
        reason: "invalid",
        provider: this.#provider.name,
        model: model.slice(0, 200),
        detail: `there is no model ${JSON.stringify(model.slice(0, 200))}`,
        remedy:
          near.length > 0
            ? `Did you mean ${near.join(", ")}?`
            : `Choose one of its models, such as ${fitting.slice(0, mostSuggestions).join(", ")}.`
      })
    })
  }
}
