/** Shows one turn of a conversation on the terminal: text as it arrives, tools, questions, and what it cost. */
import { Effect, Stream } from "effect"
import type { ChatEvent, ChatEventOf } from "../../../layers/chat/ChatEvent.ts"
import { isEnd } from "../../../layers/chat/ConversationState.ts"
import type { Lines } from "../../../layers/platform/LineEditor.ts"
import { OutputStreams } from "../../../layers/platform/OutputStreams.ts"
import type { ChatRefusal } from "../../chat/ChatRefusal.ts"
import { ChatRefusal as Refusal } from "../../chat/ChatRefusal.ts"
import type { Conversations, Submitted } from "../../chat/Conversations.ts"
import { resultText } from "../../chat/units.ts"
import { stdioUser } from "../../domain/Principal.ts"
import { colorize } from "../terminalColors.ts"
import { askPerson } from "./askPerson.ts"
import { printable, textPrinter } from "./printText.ts"

/** Characters of arguments and results that are shown. */
const shownLength = 120
/** Of arguments that the person is asked to approve. */
const approvedLength = 4000

const short = (text: string, max = shownLength): string => {
  const line = printable(text).replace(/\s+/g, " ").trim()
  return line.length > max ? `${line.slice(0, max - 1)}… (${line.length} characters)` : line
}

const costOf = (cost: string | null): string => {
  if (cost === null) return "price unknown"
  const usd = Number(cost)
  return `$${usd === 0 || usd >= 0.01 ? usd.toFixed(2) : usd.toPrecision(2)}`
}

export interface ShowTurn {
  readonly conversations: Conversations["Service"]
  readonly submitted: Submitted
  readonly requestId: string
  /** Absent: the user cannot be asked. */
  readonly lines: Lines | undefined
  readonly isTerminal: boolean
  readonly columns: number
  readonly color: boolean
  /** What remains of the budget; empty: there is none. */
  readonly remaining: Effect.Effect<string>
}

export const showTurn = Effect.fnUntraced(function* (options: ShowTurn) {
  const { conversations, isTerminal, lines, remaining, requestId, submitted } = options
  const { conversation } = submitted
  const { stderr } = yield* OutputStreams
  const paint = yield* colorize
  const printer = yield* textPrinter(options)
  const note = (text: string) =>
    isTerminal ? Effect.ignore(stderr.write(`${paint("dim", text)}\n`)) : Effect.void
  /** Arguments of tool calls. */
  const calls = new Map<string, string>()
  let failed: ChatEventOf<"turn_failed"> | undefined

  const answer = Effect.fnUntraced(function* (event: ChatEventOf<"input_requested">) {
    if (lines === undefined) return
    // Ctrl-C and the time limit end the request while the person is asked.
    const settled = conversations.events(stdioUser, conversation, event.seq).pipe(
      Stream.filter(
        (later) => isEnd(later.type) || (later.type === "input_answered" && later.id === event.id)
      ),
      Stream.runHead,
      Effect.as(undefined)
    )
    const say = (text: string) => Effect.ignore(stderr.write(`${printable(text)}\n`))
    const args = calls.get(event.tool_call_id ?? "") ?? ""
    const asked = askPerson({ lines, say }, event, short(args, approvedLength))
    const given = yield* Effect.raceFirst(asked, settled)
    if (given === undefined) yield* Effect.ignore(stderr.write("\n"))
    else yield* conversations.answer(stdioUser, conversation, given)
  })

  const show = Effect.fnUntraced(function* (event: ChatEvent) {
    switch (event.type) {
      case "text_delta":
        return yield* printer.push(event.text)
      case "assistant_message": {
        yield* printer.finish
        for (const part of event.parts) {
          if (part.type !== "tool_call") continue
          calls.set(part.tool_call_id, JSON.stringify(part.arguments))
        }
        return
      }
      case "tool_started":
        return yield* note(`→ ${short(`${event.name} ${JSON.stringify(event.arguments)}`)}`)
      case "tool_result":
        return yield* note(`${event.is_error ? "✗" : "←"} ${short(resultText(event))}`)
      case "window_cut":
        return yield* note(`The model no longer sees the first ${event.dropped} messages.`)
      case "history_damaged":
        return yield* note(`${event.lines} earlier events cannot be read; they are in ${event.quarantine}.`)
      case "input_requested":
        return yield* answer(event)
      case "turn_completed": {
        const { cost_usd, model, stop_reason, usage } = event
        if (stop_reason === "stopped") yield* printer.finish
        const parts = [printable(model), `${usage.total_tokens} tokens`, costOf(cost_usd), yield* remaining]
        if (stop_reason !== "stop")
          parts.push(stop_reason === "stopped" ? "stopped" : `incomplete: ${stop_reason}`)
        return yield* note(parts.filter((part) => part !== "").join(" · "))
      }
      case "turn_failed":
        yield* printer.finish
        failed = event
        return
      default:
        return
    }
  })

  const follow = conversations.events(stdioUser, conversation, submitted.after).pipe(
    Stream.filter((event) => "request_id" in event && event.request_id === requestId),
    Stream.takeUntil(({ type }) => isEnd(type)),
    Stream.runForEach(show)
  )
  const stops =
    lines === undefined
      ? Effect.never
      : Effect.forever(Effect.andThen(lines.interrupted, conversations.stop(stdioUser, conversation)))
  yield* Effect.raceFirst(follow, stops as Effect.Effect<never, ChatRefusal>)
  if (failed !== undefined) {
    return yield* new Refusal({ ...failed.error, message: printable(failed.error.message) })
  }
})
