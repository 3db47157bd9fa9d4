/** Guard without a catalog: calls of test entries, and the events that observers get. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Budget } from "../../layers/guard/Budget.ts"
import { Guard, type Subject } from "../../layers/guard/Guard.ts"
import { Calls, type Call } from "../../layers/ledger/Calls.ts"
import { Journal } from "../../layers/ledger/Journal.ts"
import { Progress } from "../../layers/progress/Progress.ts"
import type { Tracker } from "../../layers/progress/Tracker.ts"
import { defaults, type Policy } from "../../src/domain/Policy.ts"
import { stdioUser, type Principal } from "../../src/domain/Principal.ts"

export const ledger = Layer.mergeAll(Calls.layer, Journal.layer)

/** Guard with the given section `limits`. */
export const guard = (
  limits: Record<string, unknown> = {},
  budget: Layer.Layer<Budget> = Budget.layerUnlimited
) =>
  Guard.layer.pipe(
    Layer.provideMerge(ledger),
    Layer.provideMerge(budget),
    Layer.provide(ConfigSource.layerFrom({ limits }))
  )

export interface Wanted extends Partial<Policy> {
  readonly kind?: Call["kind"]
  readonly name?: string
  readonly by?: Principal
  readonly parent?: Call | undefined
  readonly args?: unknown
  readonly idempotent?: boolean
  readonly readOnly?: boolean
  /** Receives the function that progress reports call. */
  readonly follow?: (reported: () => void) => void
  readonly end?: Tracker["end"]
}

let ids = 0

const event = {
  event_type: "progress_update",
  tool: "tool",
  request_id: "",
  step: null,
  progress_percent: null,
  eta_ms: null,
  elapsed_ms: 0,
  details: { progress_id: "", parent_id: null },
  correlation_id: ""
} as const

export const subject = ({
  args = {},
  by = stdioUser,
  end = () => {},
  follow = () => {},
  idempotent = false,
  kind = "tool",
  name = "tool",
  parent,
  readOnly = true,
  ...policy
}: Wanted = {}): Subject => {
  const id = `call-${++ids}`
  const call: Call = { kind, name, parent, principal: by, requestId: id, correlationId: id, trace: undefined }
  const tracker: Tracker = {
    progress: Progress.silent,
    listen: (listener) => follow(() => listener(event)),
    end
  }
  return { call, policy: { ...defaults, ...policy }, readOnly, idempotent, args, tracker }
}

/** Calls an entry that does `self`; Guard knows an entry by its policy, so `wanted` is one entry as long as it is one object. */
export const protect = <A, E, R>(wanted: Wanted, self: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Guard, (each) => each.protect(subject(wanted), self))

/** What an observer hears from now on, of all calls or of those by one name, in a word or two each. */
export const heard = Effect.fnUntraced(function* (name?: string) {
  const words: Array<string> = []
  const tell = (call: Call, word: string) => {
    if (name === undefined || call.name === name) words.push(word)
  }
  const calls = yield* Calls
  yield* calls.observe({
    received: (call) => tell(call, "received"),
    started: (call) => tell(call, "started"),
    retried: (call, attempt, errorClass) => tell(call, `retried ${attempt} ${errorClass}`),
    finished: (call, outcome) => {
      const { status } = outcome
      if (status === "succeeded") tell(call, outcome.cached ? "succeeded (cached)" : status)
      else tell(call, "errorClass" in outcome ? `${status} ${outcome.errorClass}` : status)
    }
  })
  return words
})

export const state = Effect.flatMap(Guard, (each) => each.state)
