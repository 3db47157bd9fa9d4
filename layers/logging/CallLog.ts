/** Call log: one line each for arrival, start, retries and end of every call. */
import { BigDecimal, Clock, Effect, Layer } from "effect"
import { Calls, type Call, type Outcome } from "../ledger/Calls.ts"
import type { Spent } from "../ledger/Spend.ts"
import type { Level } from "./LogLevel.ts"
import * as Line from "./logLine.ts"
import { Log } from "./Log.ts"

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

/** Cost of the call: exact USD, tokens by kind, and the model. */
const spending = ({ model, usage, usd }: Spent, quote: (text: string) => string): string => {
  let text = `,"usd":${BigDecimal.format(usd)}`
  for (const [name, count] of Object.entries(usage ?? {})) text += `,"${name}":${JSON.stringify(count)}`
  return model === undefined ? text : `${text},"model":${quote(model)}`
}

/** The parent, session and conversation of a call; most have none. */
const contextOf = ({ conversation, parent, session }: Call, quote: (text: string) => string): string => {
  let text = parent === undefined ? "" : `,"parent_request_id":${Line.quoteId(parent.requestId)}`
  if (session !== undefined) text += `,"session_id":${quote(session)}`
  if (conversation !== undefined) text += `,"conversation_id":${quote(conversation)}`
  return text
}

const messages = {
  received: `"call received"`,
  started: `"call started"`,
  retried: `"call retried"`,
  finished: `"call finished"`
} as const

/**
 * `call finished` at info, at warn if the call was rejected or failed, or at error if its handler had a defect; `call
 * retried` at info; `call received` and `call started` at debug. Not subject to the line rate limit: a call has one line
 * at its end. Hot path: the JSON is concatenated.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const calls = yield* Calls
    const log = yield* Log
    const clock = yield* Clock.Clock
    const quote = Line.makeQuote()

    /** Cache of one entry: calls come in bursts of the same name and principal. */
    let shared: Pick<Call, "kind" | "name" | "principal"> | undefined
    let sharedFields = ""
    const fieldsOf = ({ kind, name, principal }: Call): string => {
      if (shared?.name === name && shared.principal === principal && shared.kind === kind) return sharedFields
      shared = { kind, name, principal }
      const caller = `"subject":${quote(principal.subject)},"client":${quote(principal.clientId)}`
      return (sharedFields = `,"kind":"${kind}","name":${quote(name)},${caller}`)
    }

    const write = (level: Level, event: keyof typeof messages, call: Call, rest: string) => {
      const { correlationId, requestId, trace } = call
      const time = clock.currentTimeMillisUnsafe()
      const id = Line.quoteId(requestId)
      const correlation = correlationId === requestId ? id : Line.quoteId(correlationId)
      const traced =
        trace === undefined ? "" : `,"trace_id":"${trace.traceId}","parent_id":"${trace.parentId}"`
      const head = `${Line.opening(time, level, messages[event])},"request_id":${id},"correlation_id":${correlation}`
      log.write(time, level, `${head}${traced}${contextOf(call, quote)}${fieldsOf(call)}${rest}}`)
    }

    const ending = (outcome: Outcome, duration: number): string => {
      let head = `,"status":"${outcome.status}","duration_ms":${Line.milliseconds(duration)}`
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
