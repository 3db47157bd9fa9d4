/** `manifold usage`: tokens and cost, limits, and a chart of what was spent. */
import { Console, Effect } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { reportWindows } from "../../layers/usage/reportOptions.ts"
import { UsageReport } from "../../layers/usage/UsageReport.ts"
import { stdioUser } from "../domain/Principal.ts"
import { usageReports } from "../program/usage.ts"
import { colorize } from "./terminalColors.ts"
import { usageScreen } from "./usageScreen.ts"

export const usage = Command.make(
  "usage",
  {
    window: Flag.Literals("window", reportWindows).pipe(
      Flag.withDescription("The window over which models, tools and principals are summed"),
      Flag.withDefault("day")
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print JSON, in the format of /usage"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ json, window }) {
    const report = yield* (yield* UsageReport).of(stdioUser, { all: true, window })
    if (json) return yield* Console.log(JSON.stringify(report))
    for (const line of usageScreen(report, yield* colorize)) yield* Console.log(line)
  }, Effect.provide(usageReports))
).pipe(
  Command.withDescription("Show tokens, cost and limits of all calls"),
  Command.withExamples([
    { command: "manifold usage", description: "Today, by hour" },
    { command: "manifold usage --window month", description: "The last 30 days, by day" },
    { command: "manifold usage --json", description: "As JSON, for scripts" }
  ])
)
