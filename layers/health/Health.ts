/** How the program is: asked by the tool `health_check`, the resource `health://ping`, and over HTTP. */
import { Clock, Context, DateTime, Effect, Layer, Schema } from "effect"

/** `timestamp` is ISO 8601 in UTC; `uptime_ms` is in milliseconds since the program started. */
export const Report = Schema.Struct({
  status: Schema.Literals(["healthy"]),
  timestamp: Schema.String,
  version: Schema.String,
  uptime_ms: Schema.Finite
})
export type Report = typeof Report.Type

export class Health extends Context.Service<Health, { readonly check: Effect.Effect<Report> }>()(
  "manifold/health/Health"
) {
  static readonly layer = (version: string) =>
    Layer.effect(
      Health,
      Effect.map(Clock.currentTimeMillis, (started) =>
        Health.of({
          check: Effect.map(DateTime.now, (now) => ({
            status: "healthy" as const,
            timestamp: DateTime.formatIso(now),
            version,
            uptime_ms: DateTime.toEpochMillis(now) - started
          }))
        })
      )
    )
}
