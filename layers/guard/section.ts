/** The section `limits`: what may be asked how often, how much at once, and how long it may take. */
import { Duration, Schema } from "effect"
import { DurationSetting } from "../config/Durations.ts"
import * as Section from "../config/Section.ts"

const positive = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 }))
const span = DurationSetting.check(
  Schema.makeFilter((duration) => Duration.toMillis(duration) >= 1 || "must be at least a millisecond")
)

const calls = positive.annotate({ description: "How many calls may begin in a window." })
const window = Section.optional(span, "1 minute", "How long a window is.")

const Rate = Schema.Struct({ calls, window })

const rate = (usual: number, description: string) =>
  Section.optional(
    Schema.Struct({
      calls: Section.optional(positive, usual, "How many calls may begin in a window."),
      window
    }),
    {},
    description
  )

/** What an operator says of one tool, over what the tool says of itself. */
const Tool = Schema.Struct({
  rate: Schema.optionalKey(Rate.annotate({ description: "Calls of the tool by everybody together." })),
  time_limit: Schema.optionalKey(span.annotate({ description: "How long one call may take." })),
  concurrency: Schema.optionalKey(positive.annotate({ description: "How many calls may run at once." })),
  retry: Schema.optionalKey(
    Schema.Literals(["never", "idempotent", "always"]).annotate({
      description: "Whether a call that failed for a passing reason is repeated."
    })
  ),
  cache_ttl: Schema.optionalKey(
    DurationSetting.annotate({ description: "How long a result is given again; 0 for never." })
  )
})
export type ToolLimits = typeof Tool.Type

export const section = Section.make(
  "limits",
  Schema.Struct({
    enabled: Section.optional(Schema.Boolean, true, "Whether calls are counted at all."),
    principal: rate(6000, "Calls of one principal."),
    address: rate(6000, "Calls that come from one address without authentication."),
    total: rate(60_000, "Calls of everybody."),
    longest: Section.optional(
      span,
      "10 minutes",
      "How long a call may take however often it reports progress."
    ),
    concurrency: Section.optional(
      Schema.Struct({
        principal: Section.optional(positive, 64, "Calls of one principal that may run at once."),
        total: Section.optional(positive, 512, "Calls that may run at once."),
        queue: Section.optional(positive, 256, "Calls that may wait for each of these limits."),
        patience: Section.optional(span, "10 seconds", "How long a call may wait before it is turned away.")
      }),
      {},
      "How much may run at once."
    ),
    retry: Section.optional(
      Schema.Struct({
        attempts: Section.optional(positive, 3, "Tries in all, the first one included."),
        first_delay: Section.optional(span, "200 millis", "Pause before the second try; it doubles."),
        longest_delay: Section.optional(span, "5 seconds", "Longest pause.")
      }),
      {},
      "How calls that may be repeated are repeated."
    ),
    breaker: Section.optional(
      Schema.Struct({
        failures: Section.optional(positive, 5, "Failures in a row after which a tool is left alone."),
        open: Section.optional(span, "30 seconds", "For how long, at first.")
      }),
      {},
      "When a tool that fails is left alone."
    ),
    cache: Section.optional(
      Schema.Struct({
        max_entries: Section.optional(positive, 1000, "Results that are kept."),
        max_size: Section.optional(positive, 16 * 1024 * 1024, "Characters that they may have together.")
      }),
      {},
      "Results of tools that may be given again."
    ),
    tools: Section.optional(
      Schema.Record(Schema.NonEmptyString, Tool),
      {},
      "Limits by tool; `web.*` means every tool whose name begins so."
    )
  }),
  {
    description: "How often, how much at once, and how long.",
    env: { MCP_RATE_LIMITING_ENABLED: { path: ["enabled"], kind: "boolean" } }
  }
)
export type Limits = typeof section.schema.Type
