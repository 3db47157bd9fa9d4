/** Runs the tool calls of a message through the catalog, in parallel, each with its own result. */
import { Effect, Exit, Cause, Option, Queue, Semaphore, Stream } from "effect"
import type { ChatEventOf } from "../../layers/chat/ChatEvent.ts"
import type { ProgressEvent } from "../../layers/progress/ProgressEvent.ts"
import { Caller } from "../catalog/Caller.ts"
import type { Catalog } from "../catalog/Catalog.ts"
import type { CallError } from "../catalog/CatalogError.ts"
import { Client } from "../catalog/Client.ts"
import type { ToolEntry } from "../catalog/Entry.ts"
import { text, type ToolOutput } from "../domain/Content.ts"
import { isObject } from "../domain/JsonObject.ts"
import { cutResult } from "./cutResult.ts"
import type { Turn } from "./Turn.ts"

/** Tool calls of a turn that run at the same time, without those that wait for an approval. */
const concurrency = 8
/** Progress reports that wait to be stored; older ones are dropped. */
const waitingReports = 16

export interface ToolCall {
  readonly id: string
  readonly name: string
  readonly arguments: unknown
}

interface Result extends ToolOutput {
  readonly isError: boolean
}

const failed = (message: string): Result => ({ content: [text(message)], isError: true })

const resultOf = (exit: Exit.Exit<ToolOutput, CallError>): Result => {
  if (Exit.isSuccess(exit)) return { ...exit.value, isError: false }
  const error = Cause.findErrorOption(exit.cause)
  if (Option.isNone(error)) return failed("Internal error of the tool.")
  if (error.value._tag === "Failed" && error.value.output !== undefined) {
    return { ...error.value.output, isError: true }
  }
  return failed(error.value.message)
}

/** MCP 2025-03-26: a tool may destroy something unless its annotations say otherwise. */
const isDestructive = ({ hints }: ToolEntry): boolean =>
  hints.readOnlyHint !== true && hints.destructiveHint !== false

const shown = (name: string) => JSON.stringify(name.slice(0, 100))

const progressOf = (turn: Turn, call: ToolCall, { details }: ProgressEvent) => {
  const { message, progress, total } = details
  if (progress === undefined) return []
  return [
    {
      type: "tool_progress" as const,
      request_id: turn.requestId,
      tool_call_id: call.id,
      progress,
      ...(total !== undefined && { total }),
      ...(message !== undefined && { message })
    }
  ]
}

export interface RunTools {
  readonly catalog: Catalog["Service"]
  /** Keeps the whole of a cut result, and returns its URI; none: it cannot be kept. */
  readonly keep: (result: ToolOutput) => Effect.Effect<Option.Option<string>>
  readonly turn: Turn
  readonly tools: ReadonlyArray<ToolEntry>
  /** The client of the call's handler. */
  readonly client: (call: ToolCall) => Client["Service"]
}

/** Waits for the user where the tool needs approval; the reason why it must not run, if there is one. */
const approve = Effect.fnUntraced(function* ({ turn }: RunTools, call: ToolCall, entry: ToolEntry) {
  if (turn.settings.approval === "never" || !isDestructive(entry)) return undefined
  if (!turn.canAnswer) {
    return `${shown(entry.name)} needs the approval of the user, for which this client cannot be asked.`
  }
  const { action } = yield* turn.ask({
    reason: "approval",
    // The title alone is what an upstream server says of its tool.
    message: `Allow the call of ${entry.title === undefined ? entry.name : `${entry.name} (${entry.title})`}?`,
    tool_call_id: call.id
  })
  if (action === "accept") return undefined
  return action === "expired"
    ? "The user did not answer in time, so the tool was not called."
    : "The user declined the call. Do not call the tool again with these arguments unless the user asks for it."
})

export const runTools = Effect.fnUntraced(function* (options: RunTools, calls: ReadonlyArray<ToolCall>) {
  const { catalog, client, tools, turn } = options
  const slots = yield* Semaphore.make(concurrency)
  const byName = new Map(tools.map((entry) => [entry.name, entry]))

  const handle = Effect.fnUntraced(function* (call: ToolCall) {
    const entry = byName.get(call.name)
    if (entry === undefined) {
      const names = tools
        .map(({ name }) => name)
        .join(", ")
        .slice(0, 1000)
      return failed(`There is no tool ${shown(call.name)}. Tools: ${names === "" ? "none" : names}.`)
    }
    const { arguments: given } = call
    if (!isObject(given)) {
      const what = typeof given === "string" ? "are not valid JSON" : "are not a JSON object"
      return failed(`The arguments ${what}. Call the tool again with a JSON object that fits its schema.`)
    }
    const denied = yield* approve(options, call, entry)
    if (denied !== undefined) return failed(denied)
    return yield* slots.withPermit(run(call, entry, given))
  })

  const run = Effect.fnUntraced(function* (
    call: ToolCall,
    entry: ToolEntry,
    given: Readonly<Record<string, unknown>>
  ) {
    yield* turn.append([
      {
        type: "tool_started",
        request_id: turn.requestId,
        tool_call_id: call.id,
        name: call.name,
        arguments: given
      }
    ])
    const reports = yield* Queue.sliding<ProgressEvent, Cause.Done>(waitingReports)
    const stored = Stream.runForEachArray(Stream.fromQueue(reports), (batch) => {
      const events = batch.flatMap((event) => progressOf(turn, call, event))
      return events.length === 0 ? Effect.void : turn.append(events)
    })
    const requestId = `${turn.conversation}/${turn.requestId}/${call.id}`
    const called = catalog.call(turn.principal, entry.name, given).pipe(
      Effect.provideService(Client, client(call)),
      Effect.provideService(Caller, {
        principal: turn.principal,
        requestId,
        conversation: turn.conversation,
        program: turn.program,
        call: `chat ${entry.name}`,
        onProgress: (event) => void Queue.offerUnsafe(reports, event)
      }),
      Effect.exit,
      Effect.ensuring(Queue.end(reports))
    )
    // An interruption of the turn interrupts the call; one of the call alone is its result.
    const [exit] = yield* Effect.all([called, stored], { concurrency: "unbounded" })
    return resultOf(exit)
  })

  const one = Effect.fnUntraced(function* (call: ToolCall) {
    const result = yield* handle(call)
    const { max_image_bytes, max_result_bytes } = turn.settings
    const { content, isCut, structured } = cutResult(result, max_result_bytes, max_image_bytes)
    const whole = isCut ? yield* options.keep(result) : Option.none()
    const event: Omit<ChatEventOf<"tool_result">, "conversation" | "seq" | "timestamp"> = {
      type: "tool_result",
      request_id: turn.requestId,
      tool_call_id: call.id,
      name: call.name,
      content: Option.isNone(whole) ? content : [...content, text(`The whole result is ${whole.value}.`)],
      is_error: result.isError,
      ...(Option.isSome(whole) && { whole: whole.value }),
      ...(structured !== undefined && { structured })
    }
    yield* turn.append([event])
  })

  yield* Effect.forEach(calls, one, { concurrency: "unbounded", discard: true })
})
