/** Reports of usage, loaded with the database at the first report. */
import { Context, Effect, Layer } from "effect"
import type { Principal } from "../../src/domain/Principal.ts"
import type { ConfigSource } from "../config/ConfigSource.ts"
import type { DatabaseError } from "../storage/DatabaseError.ts"
import type { Sql } from "../storage/Sql.ts"
import type { report } from "./report.ts"
import type { ReportOptions } from "./reportOptions.ts"

export type Report = Effect.Success<ReturnType<typeof report>>

export class UsageReport extends Context.Service<
  UsageReport,
  { readonly of: (principal: Principal, options: ReportOptions) => Effect.Effect<Report, DatabaseError> }
>()("manifold/usage/UsageReport") {
  static readonly layer = Layer.effect(
    UsageReport,
    Effect.map(Effect.context<ConfigSource | Sql>(), (services) =>
      UsageReport.of({
        of: (principal, options) =>
          Effect.flatMap(
            Effect.promise(() => import("./report.ts")),
            (module) => Effect.provideContext(module.report(principal, options), services)
          )
      })
    )
  )
}
