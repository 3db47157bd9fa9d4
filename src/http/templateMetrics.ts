/** Metrics and health check of the prompt templates, where the server has any. */
import { Effect, Layer, Option, Schema } from "effect"
import { Health } from "../../layers/health/Health.ts"
import { Metrics } from "../../layers/telemetry/Metrics.ts"
import { Templates } from "../../layers/templates/Templates.ts"

/** Prompts cannot be written; says which templates are to blame. */
class Unwritable extends Schema.TaggedError<Unwritable>()("Unwritable", { message: Schema.String }) {}

/** Fails when a prompt cannot be written; an operator's template that cannot be used is replaced by the program's. */
const sound = (templates: Templates["Service"]) =>
  Effect.flatMap(templates.check, (report) => {
    const problems = report.templates.flatMap((each) => (each.file === null ? each.problems : []))
    return problems.length === 0 ? Effect.void : Effect.fail(new Unwritable({ message: problems.join("; ") }))
  })

const observe = Effect.fnUntraced(function* (templates: Templates["Service"]) {
  const metrics = yield* Metrics
  const health = yield* Health
  const run = Effect.runSyncWith(yield* Effect.context<never>())
  const rendering = (figure: "renders" | "hits" | "milliseconds") => () =>
    run(Effect.map(templates.stats, (stats) => stats[figure]))
  yield* metrics.total("manifold_template_renders_total", "Prompts that were rendered.", rendering("renders"))
  yield* metrics.total("manifold_template_hits_total", "Prompts that were given again.", rendering("hits"))
  const rendered = rendering("milliseconds")
  yield* metrics.total(
    "manifold_template_seconds_total",
    "Time that rendering took.",
    () => rendered() / 1000
  )
  yield* health.add("templates", sound(templates))
})

/** A server without the built-in prompts has no templates. */
export const layer = Layer.effectDiscard(
  Effect.flatMap(
    Effect.serviceOption(Templates),
    Option.match({ onNone: () => Effect.void, onSome: observe })
  )
)
