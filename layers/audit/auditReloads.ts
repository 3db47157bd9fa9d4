/** Rows for reloads of the configuration. */
import { Effect, Layer, Result } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Audit } from "./Audit.ts"
import { program } from "./AuditEntry.ts"

/** Paths of settings in a row. */
const mostNamed = 20

/** Observes reloads while the layer is alive. A reload without changes has no row. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const audit = yield* Audit
    yield* (yield* ConfigSource).onReload((result) => {
      const entry = { actor: program, action: "config.reload" }
      if (Result.isFailure(result)) {
        const { problems } = result.failure
        const paths = problems.slice(0, mostNamed).map(({ path }) => path)
        audit.recordSoon({ ...entry, outcome: "refused", details: { problems: problems.length, paths } })
        return
      }
      const { changed, needRestart } = result.success
      if (changed.length === 0) return
      audit.recordSoon({ ...entry, outcome: "succeeded", details: { changed, needs_restart: needRestart } })
    })
  })
)
