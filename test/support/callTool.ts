/** Calls the catalog as a test principal, without a transport. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Budget } from "../../layers/guard/Budget.ts"
import { Guard } from "../../layers/guard/Guard.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import { Caller } from "../../src/catalog/Caller.ts"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { Client } from "../../src/catalog/Client.ts"
import { Principal, stdioUser } from "../../src/domain/Principal.ts"
import { ledger } from "./guard.ts"

export const callServices = Layer.mergeAll(
  Client.layerAbsent,
  Layer.succeed(Caller, Caller.of({ principal: stdioUser, requestId: "test" }))
)

export const catalog = Catalog.layer.pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      Guard.layer.pipe(Layer.provide(Budget.layerUnlimited)),
      ProgressEvents.layer.pipe(Layer.provide(Ids.layer))
    )
  ),
  Layer.provideMerge(ledger),
  Layer.provide(ConfigSource.layerFrom({}))
)

export const principal = (scopes: ReadonlyArray<string>, ceiling: ReadonlyArray<string> = scopes) =>
  new Principal({ subject: "test", clientId: "test", scopes, ceiling, source: "api-token" })

/** Calls one tool of the catalog as the stdio user. */
export const callTool = (name: string, args: unknown, by = stdioUser) =>
  Effect.flatMap(Catalog, (entries) => entries.call(by, name, args)).pipe(Effect.provide(callServices))
