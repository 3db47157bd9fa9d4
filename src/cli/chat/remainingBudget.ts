/** The smallest remaining budget, for the line under an answer. */
import { Effect } from "effect"
import type { UsageReport } from "../../../layers/usage/UsageReport.ts"
import { stdioUser } from "../../domain/Principal.ts"

export const remainingBudget = (reports: UsageReport["Service"]): Effect.Effect<string> =>
  reports.of(stdioUser, { all: true, window: "day" }).pipe(
    Effect.map(({ limits }) => {
      const [least] = limits
        .flatMap((limit) =>
          "remaining_usd" in limit ? [{ left: Number(limit.remaining_usd), max: Number(limit.max_usd) }] : []
        )
        .toSorted((one, other) => one.left - other.left)
      return least === undefined ? "" : `$${least.left.toFixed(2)} of $${least.max.toFixed(2)} left`
    }),
    Effect.orElseSucceed(() => "")
  )
