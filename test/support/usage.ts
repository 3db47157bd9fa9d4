/** Guard with the real ledger and budget over a database, and what the tables say. */
import { type Context, Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Guard } from "../../layers/guard/Guard.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Spend, type Charge } from "../../layers/ledger/Spend.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { Sql } from "../../layers/storage/Sql.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { Metrics } from "../../layers/telemetry/Metrics.ts"
import { usdOf } from "../../layers/usage/money.ts"
import { Usage } from "../../layers/usage/Usage.ts"
import type { StorageSettings } from "./databases.ts"
import { usd } from "./budget.ts"
import { ledger, type Wanted } from "./guard.ts"

/** One process: Guard, whose budget and journal are those of section `usage`. */
export const metered = (
  storage: StorageSettings,
  usage: Readonly<Record<string, unknown>> = {},
  others: Readonly<Record<string, unknown>> = {}
) =>
  Layer.fresh(
    Guard.layer.pipe(
      Layer.provideMerge(Layer.merge(Usage.budget, Usage.journal)),
      Layer.provideMerge(ledger),
      Layer.provideMerge(Usage.layer),
      Layer.provideMerge(Sql.layer),
      Layer.provideMerge(Metrics.layer),
      Layer.provideMerge(Storage.layer),
      Layer.provideMerge(ConfigSource.layerFrom({ storage, usage, ...others })),
      Layer.provideMerge(Layer.mergeAll(Environment.layerTest({}), Ids.layer, Platform.layer))
    )
  )

export type Metered = Layer.Success<ReturnType<typeof metered>>

/** A second process on the same database, which lives as long as the scope. */
export const process = (storage: StorageSettings, usage: Readonly<Record<string, unknown>> = {}) =>
  Effect.map(Layer.build(metered(storage, usage)), (context: Context.Context<Metered>) => ({
    context,
    run: <A, E>(self: Effect.Effect<A, E, Metered>) => Effect.provideContext(self, context)
  }))

/** A call of a model with an upper bound of its cost, in USD. */
export const model = (estimate: string | undefined, wanted: Wanted = {}): Wanted => ({
  kind: "model",
  name: "large",
  timeLimit: "2 hours",
  estimate: () => (estimate === undefined ? undefined : usd(estimate)),
  ...wanted
})

export const charge = (amount: string, more: Partial<Charge> = {}) =>
  Effect.flatMap(Spend, ({ add }) => add({ usd: usd(amount), ...more }))

export const query = <A extends object>(statement: string) =>
  Effect.flatMap(Sql, ({ read }) => read((sql) => sql.unsafe<A>(statement)))

const amount = (statement: string) =>
  Effect.map(query<{ readonly amount: bigint | null }>(statement), ([row]) => usdOf(BigInt(row?.amount ?? 0)))

/** USD that are held now, and that all principals spent. */
export const held = amount("SELECT CAST(SUM(amount) AS BIGINT) AS amount FROM usage_holds")
export const spent = amount("SELECT amount FROM usage_spent WHERE source = '' AND hour = -1")
export const recorded = amount("SELECT CAST(SUM(cost) AS BIGINT) AS amount FROM usage_calls")

export const rows = query<Readonly<Record<string, unknown>>>("SELECT * FROM usage_calls ORDER BY id")
