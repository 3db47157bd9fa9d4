/** Deferred catalog: loaded at the first request, so that `initialize` does not wait for it. */
import { Effect } from "effect"
import { Catalog } from "./Catalog.ts"

type Service = Catalog["Service"]

export interface Deferral {
  /** Loads the catalog once; later requests share the result. */
  readonly load: Effect.Effect<Service>
  /** Completes when the catalog is loaded, without loading it. */
  readonly loaded: Effect.Effect<Service>
}

export const make = ({ load, loaded }: Deferral): Service => {
  let catalog: Service | undefined
  const loading = Effect.map(load, (made) => (catalog = made))
  /** The method of the loaded catalog; does not wait after the first request. */
  const deferred =
    <Args extends ReadonlyArray<unknown>, A, E, R>(
      method: (from: Service) => (...args: Args) => Effect.Effect<A, E, R>
    ) =>
    (...args: Args): Effect.Effect<A, E, R> =>
      catalog === undefined
        ? Effect.flatMap(loading, (made) => method(made)(...args))
        : method(catalog)(...args)
  return Catalog.of({
    contribute: deferred((from) => from.contribute),
    onDemand: deferred((from) => from.onDemand),
    add: deferred((from) => from.add),
    meter: deferred((from) => from.meter),
    tools: deferred((from) => from.tools),
    prompts: deferred((from) => from.prompts),
    resources: deferred((from) => from.resources),
    templates: deferred((from) => from.templates),
    tool: deferred((from) => from.tool),
    call: deferred((from) => from.call),
    get: deferred((from) => from.get),
    read: deferred((from) => from.read),
    subscribe: deferred((from) => from.subscribe),
    complete: deferred((from) => from.complete),
    instructions: (principal, own) => (catalog === undefined ? own : catalog.instructions(principal, own)),
    // Before the catalog is loaded, no client has a list or contents that could be out of date.
    changed: (kind) => catalog?.changed(kind) ?? Effect.void,
    updated: (uri) => catalog?.updated(uri) ?? Effect.void,
    watch: (listener) => Effect.forkScoped(Effect.flatMap(loaded, (made) => made.watch(listener)))
  })
}
