/** The section `usage`: counting of tokens and cost, and limits of what is spent. */
import { Duration, Schema } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import * as Section from "../config/Section.ts"

const dollars = (description: string) =>
  Schema.optionalKey(
    Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)).annotate({
      description: `${description}, in USD. Default: no limit.`
    })
  )

const principalLimits = () =>
  Schema.Struct({
    cost_hourly_max: dollars("Maximum cost of a principal per hour"),
    cost_daily_max: dollars("Maximum cost of a principal per day"),
    cost_total_max: dollars("Maximum cost of a principal in total")
  })

type Limits = ReturnType<typeof principalLimits>["Type"]

/** The process that holds money renews its lease three times in this time. */
const lease = DurationSetting.check(
  Schema.makeFilter((time) => {
    const seconds = Duration.toSeconds(time)
    return (seconds >= 1 && seconds <= 3600) || "must be from 1 second to 1 hour"
  })
)

const interval = DurationSetting.check(
  Schema.makeFilter((time) => Duration.toSeconds(time) >= 1 || "must be at least 1 second")
)

const isLimited = ({ cost_daily_max, cost_hourly_max, cost_total_max }: Limits) =>
  [cost_hourly_max, cost_daily_max, cost_total_max].some((limit) => limit !== undefined)

const makeSchema = () =>
  Schema.Struct({
    enabled: Section.optional(Schema.Boolean, true, "Whether tokens and cost are counted and limited."),
    cost_per_request_max: dollars("Maximum cost of one request, including its nested calls"),
    cost_hourly_max: dollars("Maximum cost per hour"),
    cost_daily_max: dollars("Maximum cost per day"),
    cost_total_max: dollars("Maximum cost in total"),
    principal: Section.optional(principalLimits(), {}, "Limits of each principal."),
    principals: Section.optional(
      Schema.Record(Schema.NonEmptyString, principalLimits()),
      {},
      "Limits of individual principals by subject, instead of `principal`."
    ),
    unpriced: Schema.optionalKey(
      Schema.Literals(["allow", "refuse"]).annotate({
        description:
          "Whether calls of models with an unknown price are allowed or rejected. Default: `refuse` if there is any limit, else `allow`."
      })
    ),
    lease: Section.optional(
      lease,
      "2 minutes",
      "How long a hold remains after its process ended without settling it. Then the held amount counts as spent."
    ),
    refresh_interval: Section.optional(
      interval,
      "30 seconds",
      "Interval between updates for live viewers of usage."
    )
  }).check(
    Schema.makeFilter(
      ({ cost_per_request_max, enabled, principal, principals, ...all }) =>
        enabled ||
        !(
          cost_per_request_max !== undefined || [all, principal, ...Object.values(principals)].some(isLimited)
        ) || {
          path: ["enabled"],
          issue: "must be true (MCP_MONITORING_ENABLED) while a cost limit is set"
        }
    )
  )

export type UsageSettings = ReturnType<typeof makeSchema>["Type"]

export const section = Section.deferred("usage", makeSchema, {
  description: "Tokens, cost, and their limits. Hours and days are in UTC.",
  env: {
    MCP_MONITORING_ENABLED: { path: ["enabled"], kind: "boolean" },
    MCP_COST_HOURLY_MAX: { path: ["cost_hourly_max"], kind: "number" },
    MCP_COST_DAILY_MAX: { path: ["cost_daily_max"], kind: "number" },
    MCP_COST_PER_REQUEST_MAX: { path: ["cost_per_request_max"], kind: "number" },
    MCP_REFRESH_INTERVAL: { path: ["refresh_interval"], kind: "string" }
  }
})
