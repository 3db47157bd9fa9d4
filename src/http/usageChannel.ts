/** Publishes usage on the channel `usage`: at `usage.refresh_interval` and soon after each change, each principal's own. */
import { Duration, Effect, Latch, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Channels } from "../../layers/events/Channels.ts"
import * as usage from "../../layers/usage/section.ts"
import { Usage } from "../../layers/usage/Usage.ts"
import { type Report, UsageReport } from "../../layers/usage/UsageReport.ts"
import type { Principal } from "../domain/Principal.ts"

/** Minimum time between two publications; changes in between are published together. */
const together = Duration.seconds(1)

/** Subscribers with the same key get the same events. */
const keyOf = (principal: Principal) => (principal.may(["admin"]) ? "" : principal.key)

/** The part of a report that is small enough for a frequent event. */
const summaryOf = ({ burn_rate, limits, scope, timestamp, totals }: Report) => ({
  timestamp,
  scope,
  totals,
  burn_rate,
  limits
})

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const channels = yield* Channels
    const { onChange } = yield* Usage
    const reports = yield* UsageReport
    const config = yield* ConfigSource
    const changed = yield* Latch.make()

    const publish = Effect.gen(function* () {
      const audience = new Map(
        channels.audienceUnsafe("usage").map((principal) => [keyOf(principal), principal])
      )
      const summaries = new Map<string, ReturnType<typeof summaryOf>>()
      for (const [key, principal] of audience) {
        const report = yield* reports.of(principal, { all: key === "", window: "day" })
        summaries.set(key, summaryOf(report))
      }
      channels.publishEachUnsafe("usage", (principal) => summaries.get(keyOf(principal)))
    }).pipe(Effect.catch(({ message }) => Effect.logWarning(`Usage is not published: ${message}`)))

    yield* onChange(() => {
      if (channels.audienceUnsafe("usage").length > 0) changed.openUnsafe()
    })
    const onChanges = Effect.gen(function* () {
      yield* changed.await
      yield* Effect.sleep(together)
      changed.closeUnsafe()
      yield* publish
    })
    const atIntervals = Effect.gen(function* () {
      const { refresh_interval } = yield* Effect.orDie(config.read(usage.section))
      yield* Effect.sleep(refresh_interval)
      yield* publish
    })
    yield* Effect.forkScoped(Effect.forever(onChanges))
    yield* Effect.forkScoped(Effect.forever(atIntervals))
  })
)
