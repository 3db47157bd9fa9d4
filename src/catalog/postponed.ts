/** A catalog that is made when somebody first asks it something: a connection is answered before its tools are there. */
import { Effect } from "effect"
import { Catalog } from "./Catalog.ts"

type Service = Catalog["Service"]

export interface Source {
  /** Makes the catalog, once; whoever asks meanwhile waits. */
  readonly load: Effect.Effect<Service>
  /** Waits until it is made, and does not cause it. */
  readonly loaded: Effect.Effect<Service>
}

export const make = ({ load, loaded }: Source): Service => {
  let catalog: Service | undefined
  const ask = <A, E, R>(question: (from: Service) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    if (catalog !== undefined) return question(catalog)
    return Effect.flatMap(load, (made) => question((catalog = made)))
  }
  return Catalog.of({
    add: (entries) => ask((from) => from.add(entries)),
    tools: (...asked) => ask((from) => from.tools(...asked)),
    prompts: (...asked) => ask((from) => from.prompts(...asked)),
    resources: (...asked) => ask((from) => from.resources(...asked)),
    templates: (...asked) => ask((from) => from.templates(...asked)),
    tool: (...asked) => ask((from) => from.tool(...asked)),
    subscribe: (...asked) => ask((from) => from.subscribe(...asked)),
    call: (...asked) => ask((from) => from.call(...asked)),
    get: (...asked) => ask((from) => from.get(...asked)),
    read: (...asked) => ask((from) => from.read(...asked)),
    complete: (...asked) => ask((from) => from.complete(...asked)),
    // What nobody could read yet did not change for anybody.
    changed: (kind) => catalog?.changed(kind) ?? Effect.void,
    updated: (uri) => catalog?.updated(uri) ?? Effect.void,
    watch: (listener) => Effect.forkScoped(Effect.flatMap(loaded, (made) => made.watch(listener)))
  })
}
