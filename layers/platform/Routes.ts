/** Routes. */
import { Context, Effect, Layer, type Scope } from "effect"
export interface Connection { readonly loopback: boolean; readonly address: string; readonly keepOpen: () => void }
export interface Route { readonly paths: ReadonlyArray<string>; readonly fetch: (request: Request, connection: Connection) => Response | Promise<Response>; readonly drain?: Effect.Effect<void> }
export class Routes extends Context.Service<Routes, { readonly m: Map<string, Route>; readonly add: (route: Route) => Effect.Effect<void, never, Scope.Scope> }>()("manifold/platform/Routes") {
  static readonly layer = Layer.sync(Routes, () => { const m = new Map<string, Route>(); return { m, add: (r: Route) => Effect.sync(() => { for (const p of r.paths) m.set(p, r) }) } })
}
