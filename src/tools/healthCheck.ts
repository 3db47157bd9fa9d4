/** Tells how the program is. */
import { Effect } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { Health, HealthReport } from "../../layers/health/Health.ts"

const HealthCheck = Tool.make("health_check", {
  description: "Tell whether this server is healthy, which version it is, and for how long it has run.",
  success: HealthReport
})
  .annotate(Tool.Title, "Health check")
  .annotate(Tool.Readonly, true)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, true)
  .annotate(Tool.OpenWorld, false)

export const toolkit = Toolkit.make(HealthCheck)
export const layer = toolkit.toLayer(
  Effect.map(Health, (health) => toolkit.of({ health_check: () => health.check }))
)
