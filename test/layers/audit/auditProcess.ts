/** One of several processes on one database: waits for the end of standard input, then records acts in both ways. */
import { Effect, Logger } from "effect"
import { Audit } from "../../../layers/audit/Audit.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { act, audited } from "../../support/audit.ts"
import type { StorageSettings } from "../../support/databases.ts"

const storage = JSON.parse(process.env["STORAGE"] ?? "") as StorageSettings

const program = Effect.gen(function* () {
  const audit = yield* Audit
  const { write } = yield* Sql
  yield* Effect.sync(() => process.stdout.write("ready\n"))
  yield* Effect.promise(() => Bun.stdin.text())
  for (let index = 0; index < 50; index++) {
    audit.recordSoon(act(`soon ${index}`))
    yield* write((sql) => audit.record(sql, act(`now ${index}`)))
  }
})

// The queued rows are written when the layer is released.
await Effect.runPromise(
  Effect.provide(program, audited(storage)).pipe(Effect.provideService(Logger.LogToStderr, true))
)
process.stdout.write("done\n")
