/** Runs effects of all servers in one context: a merged copy for each connection would take several kilobytes. */
import { Context, Effect, Scope } from "effect"

/** With these services, and the scope of the caller. */
export const inContext =
  <Services>(services: Context.Context<Services>) =>
  <A, E>(effect: Effect.Effect<A, E, Services | Scope.Scope>): Effect.Effect<A, E, Scope.Scope> =>
    Effect.updateContext(effect, (current: Context.Context<Scope.Scope>) =>
      Context.add(services, Scope.Scope, Context.get(current, Scope.Scope))
    )
