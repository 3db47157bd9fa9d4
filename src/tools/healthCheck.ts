/** Reports the server's health. */
import { Effect } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { Health, HealthReport } from "../../layers/health/Health.ts"

const HealthCheck = Tool.make("health_check", {
  description: "Report the health, version and uptime of this server.",
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
