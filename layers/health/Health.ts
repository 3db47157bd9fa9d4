/** Health checks, for the tool `health_check`, the resource `health://ping`, and the HTTP endpoints. */
import { Context, DateTime, Duration, Effect, Fiber, Layer, Schema, type Scope } from "effect"
import { monotonicNow } from "../platform/monotonic.ts"

/** Result of one check. `detail` has the error, for callers with the scope `read`. */
export const HealthCheck = Schema.Struct({
  status: Schema.Literals(["ok", "failing"]),
  detail: Schema.optionalKey(Schema.String)
})
export type HealthCheck = typeof HealthCheck.Type

/**
 * `timestamp` is ISO 8601 in UTC; `uptime_ms` is milliseconds since start. `unhealthy`: a check fails. `degraded`: an
 * optional check fails. `draining`: shutting down, running requests finish.
 */
export const HealthReport = Schema.Struct({
  status: Schema.Literals(["healthy", "degraded", "unhealthy", "draining"]),
  timestamp: Schema.String,
  version: Schema.String,
  uptime_ms: Schema.Finite,
  parts: Schema.Record(Schema.String, HealthCheck)
})
export type HealthReport = typeof HealthReport.Type

/** Time-out of one check. */
const timeout = Duration.seconds(1)
/** TTL of cached results, in milliseconds. */
const ttl = 1000

const ok: HealthCheck = { status: "ok" }

const toDetail = (error: unknown): string => (error instanceof Error ? error.message : "unavailable")

const runCheck = (check: Effect.Effect<unknown, unknown>): Effect.Effect<HealthCheck> =>
  check.pipe(
    Effect.matchCause({
      onSuccess: () => ok,
      onFailure: (cause): HealthCheck => {
        const [reason] = cause.reasons
        return { status: "failing", detail: toDetail(reason?._tag === "Fail" ? reason.error : undefined) }
      }
    }),
    Effect.timeoutOrElse({
      duration: timeout,
      orElse: () =>
        Effect.succeed<HealthCheck>({
          status: "failing",
          detail: `no response within ${Duration.format(timeout)}`
        })
    })
  )

export class Health extends Context.Service<
  Health,
  {
    readonly check: Effect.Effect<HealthReport>
    /**
     * Adds a check while the scope is open; it fails if the part is unusable. `optional`: most calls are served without the
     * part, so load balancers should keep this instance.
     */
    readonly add: (
      name: string,
      check: Effect.Effect<unknown, unknown>,
      options?: { readonly optional: boolean }
    ) => Effect.Effect<void, never, Scope.Scope>
    /** Reports `draining` from now on. */
    readonly drain: Effect.Effect<void>
  }
>()("manifold/health/Health") {
  static readonly layer = (version: string) =>
    Layer.effect(
      Health,
      Effect.gen(function* () {
        const started = yield* monotonicNow
        const scope = yield* Effect.scope
        const checks = new Map<string, Effect.Effect<unknown, unknown>>()
        const optional = new Set<string>()
        let draining = false
        let found: { readonly at: number; readonly parts: HealthReport["parts"] } | undefined
        let running: Fiber.Fiber<HealthReport["parts"]> | undefined

        const runAll = Effect.gen(function* () {
          const parts = yield* Effect.forEach(
            checks,
            ([name, check]) => Effect.map(runCheck(check), (part) => [name, part] as const),
            { concurrency: "unbounded" }
          )
          found = { at: yield* monotonicNow, parts: Object.fromEntries(parts) }
          return found.parts
        }).pipe(Effect.ensuring(Effect.sync(() => (running = undefined))))

        /** In a separate fiber, so that the interruption of one caller does not affect others. */
        const parts = Effect.gen(function* () {
          if (checks.size === 0) return {}
          const now = yield* monotonicNow
          if (found !== undefined && now - found.at < ttl) return found.parts
          running ??= yield* Effect.forkIn(runAll, scope)
          return yield* Fiber.join(running)
        })

        const check = Effect.gen(function* () {
          const each = yield* parts
          const now = yield* DateTime.now
          const failing = Object.keys(each).filter((name) => each[name]?.status === "failing")
          const down = failing.some((name) => !optional.has(name))
          return {
            status: draining ? "draining" : down ? "unhealthy" : failing.length > 0 ? "degraded" : "healthy",
            timestamp: DateTime.formatIso(now),
            version,
            uptime_ms: (yield* monotonicNow) - started,
            parts: each
          } as const
        })

        return Health.of({
          check,
          add: (name, part, options) =>
            Effect.acquireRelease(
              Effect.sync(() => {
                checks.set(name, part)
                if (options?.optional === true) optional.add(name)
                found = undefined
              }),
              () =>
                Effect.sync(() => {
                  checks.delete(name)
                  optional.delete(name)
                  found = undefined
                })
            ),
          drain: Effect.sync(() => {
            draining = true
          })
        })
      })
    )
}
