/** Runs a named command of the configuration, for administrators. */
import { Effect, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { CommandError, commandError } from "../../layers/commands/CommandError.ts"
import { Commands } from "../../layers/commands/Commands.ts"
import { Caller } from "../catalog/Caller.ts"
import { Client, elicit } from "../catalog/Client.ts"
import { ToolPolicy } from "../domain/Policy.ts"

const RunCommand = Tool.make("run_command", {
  description:
    "Run a command that the configuration declares, such as `docker ps`. There is no shell. An unknown name returns the list of commands.",
  parameters: Schema.Struct({
    command: Schema.NonEmptyString.check(Schema.isMaxLength(4096)).annotate({
      description: "Name of the command and its arguments. Quotation marks keep spaces together."
    })
  }),
  success: Schema.Struct({
    command: Schema.String.annotate({ description: "Name of the command that was selected." }),
    exit_code: Schema.NullOr(Schema.Int),
    ended: Schema.Literals(["exited", "timeout", "output", "signal"]).annotate({
      description: "`timeout` and `output`: it was ended because it ran too long or wrote too much."
    }),
    stdout: Schema.String,
    stderr: Schema.String,
    truncated: Schema.Boolean,
    sandboxed: Schema.Boolean,
    duration_ms: Schema.Int
  }),
  failure: CommandError,
  dependencies: [Caller, Client]
})
  .annotate(Tool.Title, "Run a command")
  .annotate(Tool.Readonly, false)
  .annotate(Tool.Destructive, true)
  .annotate(Tool.Idempotent, false)
  .annotate(Tool.OpenWorld, true)
  // The command has its own time limit of at most 10 minutes.
  .annotate(ToolPolicy, { scopes: ["admin"], timeLimit: "15 minutes", breaker: false })

const Approval = Schema.Struct({
  approve: Schema.Boolean.annotate({ title: "Run it", description: "Whether the command may run." })
})

const approve = Effect.fnUntraced(function* (line: string) {
  if (!(yield* Client).supports("elicit")) {
    return yield* commandError(
      "unapproved",
      "This command needs the approval of a user. Use a client that supports elicitation."
    )
  }
  const answer = yield* elicit(`Run this command on the server?\n\n${line}`, Approval, "approve").pipe(
    Effect.mapError(({ message }) => commandError("unapproved", `The approval failed: ${message}`))
  )
  if (answer.action !== "accept" || !answer.content.approve) {
    return yield* commandError("declined", "The user declined the command.")
  }
})

export const toolkit = Toolkit.make(RunCommand)
export const layer = toolkit.toLayer(
  Effect.map(Commands, (commands) =>
    toolkit.of({
      run_command: Effect.fnUntraced(function* ({ command }) {
        const { principal, requestId } = yield* Caller
        return yield* commands.run(command, { principal, requestId }, approve)
      })
    })
  )
)
