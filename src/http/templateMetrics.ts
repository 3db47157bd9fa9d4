/** Metrics and health check of the prompt templates, if the server has any. */
import { Effect, Layer, Option, Schema } from "effect"
import { Health } from "../../layers/health/Health.ts"
import { Metrics } from "../../layers/telemetry/Metrics.ts"
import { Templates } from "../../layers/templates/Templates.ts"

/** A built-in template cannot be rendered; the message names each problem. */
class InvalidTemplate extends Schema.TaggedError<InvalidTemplate>()("InvalidTemplate", {
  message: Schema.String
}) {}

/** Fails if a built-in template is invalid. An invalid template of the operator only falls back to the built-in one. */
const checkBuiltIn = (templates: Templates["Service"]) =>
  Effect.flatMap(templates.check, (report) => {
    const problems = report.templates.flatMap((each) => (each.file === null ? each.problems : []))
    return problems.length === 0
      ? Effect.void
      : Effect.fail(new InvalidTemplate({ message: problems.join("; ") }))
  })

const observe = Effect.fnUntraced(function* (templates: Templates["Service"]) {
  const metrics = yield* Metrics
  const health = yield* Health
  const run = Effect.runSyncWith(yield* Effect.context<never>())
  const stat = (name: "renders" | "hits" | "milliseconds") => () =>
    run(Effect.map(templates.stats, (stats) => stats[name]))
  yield* metrics.total(
    "manifold_template_renders_total",
    "Rendered prompts, not counting cache hits.",
    stat("renders")
  )
  yield* metrics.total(
    "manifold_template_hits_total",
    "Rendered prompts served from the cache.",
    stat("hits")
  )
  const milliseconds = stat("milliseconds")
  yield* metrics.total(
    "manifold_template_seconds_total",
    "Time spent rendering prompts.",
    () => milliseconds() / 1000
  )
  yield* health.add("templates", checkBuiltIn(templates))
})

/** A server without the built-in prompts has no templates. */
export const layer = Layer.effectDiscard(
  Effect.flatMap(
    Effect.serviceOption(Templates),
    Option.match({ onNone: () => Effect.void, onSome: observe })
  )
)
