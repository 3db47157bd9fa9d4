/** `manifold chat`: a conversation with a language model in the terminal. */
import { Console, Effect, Layer, Option, Stdio, Stream, Terminal } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { Ids } from "../../layers/platform/Ids.ts"
import { LineEditor, type Lines } from "../../layers/platform/LineEditor.ts"
import { Models } from "../../layers/models/Models.ts"
import { UsageReport } from "../../layers/usage/UsageReport.ts"
import { ChatRefusal, explained, refusal } from "../chat/ChatRefusal.ts"
import { Conversations } from "../chat/Conversations.ts"
import { text } from "../domain/Content.ts"
import { stdioUser } from "../domain/Principal.ts"
import { catalog } from "../program/program.ts"
import { remainingBudget } from "./chat/remainingBudget.ts"
import { showTurn } from "./chat/showTurn.ts"
import { colorize } from "./terminalColors.ts"

const program = Layer.merge(Conversations.layer, LineEditor.layer).pipe(Layer.provideMerge(catalog))

const optionalText = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.optional)

const help = [
  "/new    begin a new conversation",
  "/exit   leave (also Ctrl-D)",
  "Ctrl-C  stop the answer"
].join("\n")

/** All of standard input, for a message that is piped. */
const piped = Effect.gen(function* () {
  const { stdin } = yield* Stdio.Stdio
  const { maxInputBytes } = yield* Models
  let bytes = 0
  const bounded = Stream.mapEffect(stdin, (chunk) => {
    bytes += chunk.length
    return bytes <= maxInputBytes
      ? Effect.succeed(chunk)
      : Effect.fail(
          refusal(
            413,
            `Standard input has more than ${maxInputBytes} bytes (llm.max_input_bytes). Shorten it.`
          )
        )
  })
  return yield* Stream.mkString(Stream.decodeText(bounded))
})

interface Session {
  conversation: string | undefined
  readonly choice: { readonly model?: string; readonly provider?: string }
  readonly lines: Lines | undefined
}

/** Sends one message and shows its turn. */
const turn = Effect.fnUntraced(function* (session: Session, message: string) {
  const conversations = yield* Conversations
  const { canColor, columns, isTerminal } = yield* terminal
  const requestId = yield* (yield* Ids).next
  const reports = yield* UsageReport
  const submitted = yield* conversations
    .submit({
      principal: stdioUser,
      conversation: session.conversation,
      requestId,
      content: [text(message)],
      options: session.choice,
      canAnswer: session.lines !== undefined
    })
    .pipe(Effect.mapError((error) => new ChatRefusal({ ...error, message: explained(error) })))
  session.conversation = submitted.conversation
  yield* showTurn({
    conversations,
    submitted,
    requestId,
    lines: session.lines,
    isTerminal,
    columns,
    color: canColor,
    remaining: remainingBudget(reports)
  })
})

const terminal = Effect.gen(function* () {
  const { canColor } = yield* TerminalCapabilities
  const stdio = yield* Stdio.Stdio
  return {
    canColor,
    isTerminal: yield* stdio.stdoutIsTerminal,
    columns: yield* (yield* Terminal.Terminal).columns
  }
})

/** Reads messages until the input ends; an error of a turn does not end the conversation. */
const converse = Effect.fnUntraced(function* (session: Session, lines: Lines) {
  const paint = yield* colorize
  for (;;) {
    const line = yield* lines.read("> ")
    if (Option.isNone(line) || line.value.trim() === "/exit") break
    const message = line.value.trim()
    if (message === "") continue
    if (message === "/help") yield* Console.log(help)
    else if (message === "/new") session.conversation = undefined
    else {
      yield* turn(session, message).pipe(
        Effect.catchTag("ChatRefusal", (error) => Console.error(paint("red", error.message)))
      )
    }
  }
  if (session.conversation !== undefined) {
    yield* Console.error(paint("dim", `Continue with: manifold chat --conversation ${session.conversation}`))
  }
})

const latest = Effect.gen(function* () {
  const { conversations } = yield* (yield* Conversations).list(stdioUser, { limit: 1 })
  return conversations[0]?.id ?? (yield* refusal(404, "There is no conversation to continue."))
})

export const chat = Command.make(
  "chat",
  {
    message: Argument.String("message").pipe(
      Argument.withDescription("Sent instead of asking for messages; - reads it from standard input"),
      Argument.optional
    ),
    conversation: optionalText("conversation", "Continue the conversation of this id"),
    continue: Flag.Boolean("continue").pipe(
      Flag.withDescription("Continue the latest conversation"),
      Flag.withDefault(false)
    ),
    model: optionalText("model", "The model's id. Default: that of the active provider"),
    provider: optionalText("provider", "A configured provider")
  },
  Effect.fnUntraced(
    function* ({ continue: isContinued, conversation, message, model, provider }) {
      const stdio = yield* Stdio.Stdio
      const isInteractive = Option.isNone(message) && (yield* stdio.stdinIsTerminal)
      const lines = isInteractive ? yield* (yield* LineEditor).open : undefined
      const session: Session = {
        conversation: Option.getOrUndefined(conversation) ?? (isContinued ? yield* latest : undefined),
        choice: {
          ...(Option.isSome(model) && { model: model.value }),
          ...(Option.isSome(provider) && { provider: provider.value })
        },
        lines
      }
      const { prepare, prepareTurn } = yield* Conversations
      yield* Effect.forkScoped(prepare(stdioUser))
      if (lines !== undefined) {
        // The person types meanwhile.
        if (session.conversation !== undefined) {
          yield* Effect.forkScoped(prepareTurn(stdioUser, session.conversation))
        }
        return yield* converse(session, lines)
      }
      const given = Option.filter(message, (value) => value !== "-")
      const whole = Option.isSome(given) ? given.value : yield* piped
      if (whole.trim() === "") return yield* refusal(400, "The message is empty.")
      return yield* turn(session, whole)
    },
    Effect.scoped,
    Effect.provide(program)
  )
).pipe(
  Command.withDescription("Talk to a language model that can use all tools"),
  Command.withExamples([
    { command: "manifold chat", description: "A conversation; Ctrl-C stops an answer, Ctrl-D leaves" },
    { command: 'manifold chat "What is 2 + 3?"', description: "One question, its answer on standard output" },
    { command: "git diff | manifold chat -", description: "A message from standard input" },
    { command: "manifold chat --continue", description: "The latest conversation again" }
  ])
)
