/** The section `usage`: whether tokens and cost are counted, and what may be spent. */
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
    cost_hourly_max: dollars("Most that the principal may spend in an hour"),
    cost_daily_max: dollars("Most that the principal may spend in a day"),
    cost_total_max: dollars("Most that the principal may spend at all")
  })

/** From a second to an hour: the process that holds money renews its lease three times in it. */
const lease = DurationSetting.check(
  Schema.makeFilter((time) => {
    const seconds = Duration.toSeconds(time)
    return (seconds >= 1 && seconds <= 3600) || "must be from 1 second to 1 hour"
  })
)

const interval = DurationSetting.check(
  Schema.makeFilter((time) => Duration.toSeconds(time) >= 1 || "must be at least a second")
)

const makeSchema = () =>
  Schema.Struct({
    enabled: Section.optional(Schema.Boolean, true, "Whether tokens and cost are counted and limited."),
    cost_per_request_max: dollars("Most that one request may cost, with all calls that it causes"),
    cost_hourly_max: dollars("Most that may be spent in an hour"),
    cost_daily_max: dollars("Most that may be spent in a day"),
    cost_total_max: dollars("Most that may be spent at all"),
    principal: Section.optional(principalLimits(), {}, "Limits of each principal."),
    principals: Section.optional(
      Schema.Record(Schema.NonEmptyString, principalLimits()),
      {},
      "Limits of single principals by subject, instead of `principal`."
    ),
    unpriced: Schema.optionalKey(
      Schema.Literals(["allow", "refuse"]).annotate({
        description:
          "What happens to calls of models whose price is unknown. Default: refused if there is any limit, else allowed."
      })
    ),
    lease: Section.optional(
      lease,
      "2 minutes",
      "How long money stays held for a process that ended without settling it; then it counts as spent."
    ),
    refresh_interval: Section.optional(
      interval,
      "30 seconds",
      "Time between two reports to those who watch usage live."
    )
  }).check(
    Schema.makeFilter(
      ({ cost_daily_max, cost_hourly_max, cost_per_request_max, cost_total_max, enabled }) => {
        const limits = [cost_per_request_max, cost_hourly_max, cost_daily_max, cost_total_max]
        return (
          enabled ||
          limits.every((limit) => limit === undefined) || {
            path: ["enabled"],
            issue: "must be true (MCP_MONITORING_ENABLED) while there is a limit of the cost"
          }
        )
      }
    )
  )

export type UsageSettings = ReturnType<typeof makeSchema>["Type"]
export type PrincipalLimits = UsageSettings["principal"]

export const section = Section.deferred("usage", makeSchema, {
  description: "Tokens, cost, and their limits. Hours and days are those of UTC.",
  env: {
    MCP_MONITORING_ENABLED: { path: ["enabled"], kind: "boolean" },
    MCP_COST_HOURLY_MAX: { path: ["cost_hourly_max"], kind: "number" },
    MCP_COST_DAILY_MAX: { path: ["cost_daily_max"], kind: "number" },
    MCP_COST_PER_REQUEST_MAX: { path: ["cost_per_request_max"], kind: "number" },
    MCP_REFRESH_INTERVAL: { path: ["refresh_interval"], kind: "string" }
  }
})
