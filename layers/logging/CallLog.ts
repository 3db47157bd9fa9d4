/** Logs the life of every call: one line each for its arrival, its start, its retries and its end. */
import { BigDecimal, Clock, Effect, Layer } from "effect"
import { Calls, type Call, type Outcome } from "../ledger/Calls.ts"
import type { Spent } from "../ledger/Spend.ts"
import type { Level } from "./Level.ts"
import * as Line from "./Line.ts"
import { Log } from "./Log.ts"

const mostQuoted = 1000
const longestQuoted = 256

/** Names and subjects are few: each is searched for secrets once. */
const makeQuote = () => {
  const known = new Map<string, string>()
  return (text: string): string => {
    const quoted = known.get(text)
    if (quoted !== undefined) return quoted
    const fresh = Line.quote(text)
    if (text.length <= longestQuoted) {
      if (known.size >= mostQuoted) known.clear()
      known.set(text, fresh)
    }
    return fresh
  }
}

const levelOf = ({ status }: Outcome): Level => {
  switch (status) {
    case "succeeded":
    case "suspended":
    case "interrupted":
      return "info"
    case "refused":
    case "failed":
      return "warn"
    case "died":
      return "error"
  }
}

/** What the call spent: exact USD, tokens by kind, and the model. */
const spending = ({ model, usage, usd }: Spent, quote: (text: string) => string): string => {
  let text = `,"usd":${BigDecimal.format(usd)}`
  for (const [name, count] of Object.entries(usage ?? {})) text += `,"${name}":${JSON.stringify(count)}`
  return model === undefined ? text : `${text},"model":${quote(model)}`
}

const messages = {
  received: `"call received"`,
  started: `"call started"`,
  retried: `"call retried"`,
  finished: `"call finished"`
} as const

/**
 * `call finished` at info, or at warn if it was refused or failed, or at error if its handler had a defect; `call
 * retried` at info; `call received` and `call started` at debug. Not subject to the flood limit: a call has one line at
 * its end. The JSON is assembled by hand, because it is written for every call.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const calls = yield* Calls
    const log = yield* Log
    const clock = yield* Clock.Clock
    const quote = makeQuote()

    const write = (level: Level, event: keyof typeof messages, call: Call, rest: string) => {
      const { correlationId, principal, requestId, trace } = call
      const time = clock.currentTimeMillisUnsafe()
      const id = JSON.stringify(requestId)
      let line = `${Line.opening(time, level, messages[event])},"request_id":${id},"correlation_id":`
      line += correlationId === requestId ? id : Line.quote(correlationId)
      if (trace !== undefined) line += `,"trace_id":"${trace.traceId}","parent_id":"${trace.parentId}"`
      if (call.parent !== undefined) line += `,"parent_request_id":${JSON.stringify(call.parent.requestId)}`
      if (call.session !== undefined) line += `,"session_id":${quote(call.session)}`
      if (call.conversation !== undefined) line += `,"conversation_id":${quote(call.conversation)}`
      line += `,"kind":"${call.kind}","name":${quote(call.name)},"subject":${quote(principal.subject)}`
      line += `,"client":${quote(principal.clientId)}${rest}}`
      log.write(time, level, line)
    }

    const ending = (outcome: Outcome, duration: number): string => {
      let head = `,"status":"${outcome.status}","duration_ms":${Math.round(duration * 1000) / 1000}`
      if (outcome.spent !== undefined) head += spending(outcome.spent, quote)
      switch (outcome.status) {
        case "succeeded":
          return outcome.cached ? `${head},"cached":true` : head
        case "suspended":
        case "interrupted":
          return head
        case "refused":
        case "failed":
        case "died": {
          const limit = outcome.status === "refused" && outcome.limit !== undefined
          const error = `${head},"error_class":${quote(outcome.errorClass)},"error":${Line.quote(outcome.message)}`
          return limit ? `${error},"limit":${quote(outcome.limit)}` : error
        }
      }
    }

    yield* calls.observe({
      received: (call) => {
        if (log.enabled("debug")) write("debug", "received", call, "")
      },
      started: (call) => {
        if (log.enabled("debug")) write("debug", "started", call, "")
      },
      retried: (call, attempt, errorClass) => {
        if (log.enabled("info")) {
          write("info", "retried", call, `,"attempt":${attempt},"error_class":${quote(errorClass)}`)
        }
      },
      finished: (call, outcome, duration) => {
        const level = levelOf(outcome)
        if (log.enabled(level)) write(level, "finished", call, ending(outcome, duration))
      }
    })
  })
)
