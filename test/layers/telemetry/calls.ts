/** Simulated calls, as Guard reports them to observers. */
import { Effect } from "effect"
import { type Call, Calls, type Outcome } from "../../../layers/ledger/Calls.ts"
import { parse } from "../../../src/domain/Trace.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"

export const call = (name: string, traceparent?: string, kind: Call["kind"] = "tool"): Call => ({
  requestId: `request ${name}`,
  correlationId: `request ${name}`,
  kind,
  name,
  principal: stdioUser,
  trace: parse(traceparent)
})

export const succeeded: Outcome = { status: "succeeded", cached: false }

/** Reports a received, started and ended call to every observer. `duration` in milliseconds. */
export const happen = (observed: Call, outcome: Outcome = succeeded, duration = 1, retries = 0) =>
  Effect.map(Calls, ({ observers }) => {
    for (const each of observers) each.received?.(observed)
    for (const each of observers) each.started?.(observed)
    for (let attempt = 1; attempt <= retries; attempt++) {
      for (const each of observers) each.retried?.(observed, attempt, "Flaky")
    }
    for (const each of observers) each.finished?.(observed, outcome, duration)
  })
