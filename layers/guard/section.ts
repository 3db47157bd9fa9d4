/** The section `limits`: rate limits, concurrency, time limits, retries, circuit breakers and the result cache. */
import { Duration, Schema } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import * as Section from "../config/Section.ts"

const positive = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 }))
const span = DurationSetting.check(
  Schema.makeFilter((duration) => Duration.toMillis(duration) >= 1 || "must be at least 1 ms")
)

const calls = positive.annotate({ description: "Calls per window." })
const window = Section.optional(span, "1 minute", "Length of the window.")

const Rate = Schema.Struct({ calls, window })

const rate = (usual: number, description: string) =>
  Section.optional(
    Schema.Struct({
      calls: Section.optional(positive, usual, "Calls per window."),
      window
    }),
    {},
    description
  )

/** An operator's settings for one tool, which override the tool's own policy. */
const Tool = Schema.Struct({
  rate: Schema.optionalKey(
    Rate.annotate({ description: "Rate limit of the tool, all principals together." })
  ),
  time_limit: Schema.optionalKey(
    span.annotate({ description: "Time limit of one call, from its start and from each progress report." })
  ),
  concurrency: Schema.optionalKey(positive.annotate({ description: "Maximum number of concurrent calls." })),
  retry: Schema.optionalKey(
    Schema.Literals(["never", "idempotent", "always"]).annotate({
      description:
        "When to retry a call after a transient error: never, idempotent (if the tool is), or always."
    })
  ),
  cache_ttl: Schema.optionalKey(
    DurationSetting.annotate({ description: "TTL of cached results; 0 disables the cache." })
  )
})
export type ToolLimits = typeof Tool.Type

export const section = Section.make(
  "limits",
  Schema.Struct({
    enabled: Section.optional(Schema.Boolean, true, "Enforce rate limits."),
    principal: rate(6000, "Rate limit of one principal."),
    address: rate(6000, "Rate limit of all callers at one address without authentication."),
    total: rate(60_000, "Rate limit of all calls together."),
    max_duration: Section.optional(
      span,
      "10 minutes",
      "Maximum duration of one call. Progress reports extend its time limit, but never beyond this."
    ),
    concurrency: Section.optional(
      Schema.Struct({
        principal: Section.optional(positive, 64, "Maximum number of concurrent calls of one principal."),
        total: Section.optional(positive, 512, "Maximum number of concurrent calls."),
        share: Section.optional(
          Schema.Finite.check(Schema.isBetween({ minimum: 0.01, maximum: 1 })),
          0.75,
          "Share of the slots of one tool or dependency that one principal may hold, from 0.01 to 1."
        ),
        queue: Section.optional(positive, 256, "Maximum number of queued calls, for each of these limits."),
        queue_timeout: Section.optional(
          span,
          "10 seconds",
          "Maximum time in the queue before a call is rejected."
        )
      }),
      {},
      "Concurrency limits. Calls beyond them are queued."
    ),
    retry: Section.optional(
      Schema.Struct({
        attempts: Section.optional(positive, 3, "Maximum number of attempts, including the first."),
        first_delay: Section.optional(
          span,
          "200 millis",
          "Delay before the first retry; it doubles with each further one."
        ),
        max_delay: Section.optional(span, "5 seconds", "Maximum delay.")
      }),
      {},
      "Retries after transient errors, for tools that allow them."
    ),
    breaker: Section.optional(
      Schema.Struct({
        failures: Section.optional(
          positive,
          5,
          "Consecutive failures that open the circuit breaker of a tool or its dependency for the principal."
        ),
        principals: Section.optional(
          positive,
          2,
          "Principals with an open circuit breaker for the same tool or dependency that open it for all others."
        ),
        open_duration: Section.optional(
          span,
          "30 seconds",
          "How long an open circuit breaker rejects calls before a probe; doubles after each failed probe, up to an hour."
        )
      }),
      {},
      "Circuit breakers: calls fail fast after repeated failures, until a probe succeeds."
    ),
    cache: Section.optional(
      Schema.Struct({
        max_entries: Section.optional(positive, 1000, "Maximum number of cached results."),
        max_size: Section.optional(
          positive,
          16 * 1024 * 1024,
          "Maximum total size of cached results, in characters."
        ),
        share: Section.optional(
          Schema.Finite.check(Schema.isBetween({ minimum: 0.01, maximum: 1 })),
          0.5,
          "Share of `max_size` that results of one principal's calls may take, from 0.01 to 1."
        )
      }),
      {},
      "Cache for results of tools that allow it."
    ),
    tools: Section.optional(
      Schema.Record(Schema.NonEmptyString, Tool),
      {},
      "Limits by tool name or prefix: `web.*` matches every tool whose name starts with `web.`."
    )
  }),
  {
    description: "Limits of calls: rate, concurrency, time, retries, circuit breakers, cached results.",
    renamed: {
      longest: "max_duration",
      "concurrency.patience": "concurrency.queue_timeout",
      "retry.longest_delay": "retry.max_delay",
      "breaker.open": "breaker.open_duration"
    },
    env: { MCP_RATE_LIMITING_ENABLED: { path: ["enabled"], kind: "boolean" } }
  }
)
export type Limits = typeof section.schema.Type
