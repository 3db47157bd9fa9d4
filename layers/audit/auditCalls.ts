/** Rows for calls: one for each tool call, and for each other call that is rejected. */
import { Clock, Effect, Layer } from "effect"
import { type Call, type CallKind, Calls, type Outcome } from "../ledger/Calls.ts"
import { Journal, JournalUnavailable } from "../ledger/Journal.ts"
import { redact } from "../logging/redact.ts"
import { sha256Hex } from "../platform/digest.ts"
import { Audit } from "./Audit.ts"
import { actorOf } from "./AuditEntry.ts"
import { canonicalJson } from "./canonicalJson.ts"
import { RowLimit } from "./RowLimit.ts"
import type { AuditSettings } from "./section.ts"
import { monotonicMillis } from "../platform/monotonic.ts"

/** Rows of one principal's refusals of one kind, per minute: others are counted. No rate limit is before the scope check. */
const mostRefused = 20

const actions: Record<CallKind, string> = {
  tool: "tool.call",
  prompt: "prompt.get",
  resource: "resource.read",
  completion: "completion.get",
  model: "model.call",
  turn: "turn.run"
}

/** What a row says about arguments. */
export const argumentsOf = (args: unknown, how: AuditSettings["arguments"]): Record<string, unknown> => {
  if (args === undefined || how === "none") return {}
  return how === "hash" ? { arguments_sha256: sha256Hex(canonicalJson(args)) } : { arguments: redact(args) }
}

/** Assigned one by one: this runs for each call. */
const detailsOf = (call: Call, outcome: Outcome, how: AuditSettings["arguments"], omitted: number) => {
  const details: Record<string, unknown> = argumentsOf(call.args, how)
  if ("errorClass" in outcome) details["error"] = outcome.errorClass
  if ("limit" in outcome && outcome.limit !== undefined) details["limit"] = outcome.limit
  if (call.session !== undefined) details["session"] = call.session
  if (omitted > 0) details["omitted_rows"] = omitted
  return details
}

const isRecorded = ({ kind }: Call, refused: boolean, { calls, enabled }: AuditSettings) =>
  enabled && calls !== "none" && (refused || (calls === "all" && kind === "tool"))

const queueFull = new JournalUnavailable({
  retryAfter: 5000,
  detail: "too many rows of the audit log are queued for writing"
})

/** Observes calls while the layer is alive. While the queue of rows is full, calls that need a row are rejected. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const audit = yield* Audit
    const clock = yield* Clock.Clock
    const refusals = new RowLimit(mostRefused)

    const finished = (call: Call, outcome: Outcome) => {
      const settings = audit.settings()
      const { status } = outcome
      if (!isRecorded(call, status === "refused", settings)) return
      let omitted = 0
      if (status === "refused") {
        const key = `${call.principal.key} ${outcome.errorClass} ${call.template ?? call.name}`
        const before = refusals.take(key, monotonicMillis(clock))
        if (before === undefined) return
        omitted = before
      }
      audit.recordSoon({
        actor: actorOf(call.principal),
        action: actions[call.kind],
        target: call.name,
        outcome: status,
        requestId: call.requestId,
        details: detailsOf(call, outcome, settings.arguments, omitted)
      })
    }

    /** The caller gets `NotFound`, and the log says why. */
    const concealed = (call: Call) =>
      finished(call, { status: "refused", errorClass: "Concealed", message: "" })

    yield* (yield* Calls).observe({ finished, concealed })
    yield* (yield* Journal).add({
      precedes: (call) => audit.isFull() && isRecorded(call, false, audit.settings()),
      before: () => Effect.fail(queueFull),
      records: () => false
    })
  })
)
