/** The command line: one file per command, and one line each here. */
import { Cause, Console, Effect, Runtime } from "effect"
import * as Command from "effect/cli/Command"
import { program } from "../domain/version.ts"
import { call } from "./call.ts"
import { list } from "./list.ts"
import { serve } from "./serve.ts"

const manifold = Command.make("manifold").pipe(
  Command.withDescription("One MCP endpoint: tools, models and other MCP servers behind it"),
  Command.withSubcommands([
    serve, // keep one line each
    call,
    list
  ])
)

/** What a person needs to know: the message of an error that was foreseen, everything about one that was not. */
const report = <E>(cause: Cause.Cause<E>) =>
  Effect.forEach(cause.reasons, (reason) => {
    if (Cause.isInterruptReason(reason)) return Effect.void
    if (Cause.isDieReason(reason)) return Console.error(Cause.pretty(Cause.die(reason.defect)))
    const { error } = reason
    if (!(error instanceof Error)) return Console.error(String(error))
    // Errors of usage were shown with the help.
    return error[Runtime.errorReported] === false ? Effect.void : Console.error(`manifold: ${error.message}`)
  })

export const run = Command.run(manifold, { version: program.version }).pipe(Effect.tapCause(report))
