/** Entries of one kind by key, in a stable order, each there for as long as the scope that put it there. */
import { Effect, Schema, type Scope } from "effect"

/** Two sources want the same name. */
export class NameTaken extends Schema.TaggedError<NameTaken>()("NameTaken", {
  kind: Schema.String,
  name: Schema.String
}) {
  override get message() {
    return `There is a ${this.kind} named ${this.name} already; rename one of the two.`
  }
}

export class Shelf<A> {
  readonly #byKey = new Map<string, A>()
  readonly kind: string
  readonly key: (entry: A) => string
  /** Sorted by key. */
  all: ReadonlyArray<A> = []

  constructor(kind: string, key: (entry: A) => string) {
    this.kind = kind
    this.key = key
  }

  get(key: string): A | undefined {
    return this.#byKey.get(key)
  }

  /** All of `entries` or none; `announce` runs after they came and after they went. */
  put(
    entries: ReadonlyArray<A>,
    announce: Effect.Effect<unknown>
  ): Effect.Effect<void, NameTaken, Scope.Scope> {
    if (entries.length === 0) return Effect.void
    const keys = new Set<string>()
    for (const entry of entries) {
      const name = this.key(entry)
      if (keys.has(name) || this.#byKey.has(name))
        return Effect.fail(new NameTaken({ kind: this.kind, name }))
      keys.add(name)
    }
    const come = Effect.sync(() => {
      for (const entry of entries) this.#byKey.set(this.key(entry), entry)
      this.#sort()
    })
    const go = Effect.sync(() => {
      for (const key of keys) this.#byKey.delete(key)
      this.#sort()
    })
    return Effect.acquireRelease(Effect.andThen(come, announce), () => Effect.andThen(go, announce)).pipe(
      Effect.asVoid
    )
  }

  #sort() {
    this.all = [...this.#byKey.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
  }
}
