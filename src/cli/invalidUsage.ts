/** What is said about a command line that was used wrongly: what is wrong, how it is used, and where to read more. */
import { Console, Effect, Runtime, Schema } from "effect"
import type * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import { pair } from "./argFlag.ts"

/** The exit code of a command line that was used wrongly, as shells have it for their own commands. */
export const usageExitCode = 2

/** It was used wrongly, and that has been said. */
export class InvalidUsage extends Schema.TaggedError<InvalidUsage>()("InvalidUsage", {}) {
  override readonly [Runtime.errorExitCode] = usageExitCode
  override readonly [Runtime.errorReported] = false
}

const explain = (error: CliError.NonShowHelpErrors, usage: string): string => {
  switch (error._tag) {
    case "MissingArgument":
      return `<${error.argument}> is missing`
    case "MissingOption":
      return `--${error.option} is missing`
    case "UnknownSubcommand":
      return `There is no command "${error.subcommand}"${meant(error.suggestions)}`
    case "UnrecognizedOption":
      return `${usage} knows no ${error.option}${meant(error.suggestions)}`
    case "InvalidValue":
      return error.expected === pair && error.value !== ""
        ? `--${error.option} takes key=value, not "${error.value}"`
        : error.message
    default:
      return error.message
  }
}

const meant = ([first]: ReadonlyArray<string>) => (first === undefined ? "" : `; did you mean ${first}?`)

/** Help and version as usual on standard output; a mistake on standard error, without the whole help. */
export const presenter: CliOutput.Presenter = {
  present: (event) => {
    if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
    const command = event.commandPath.join(" ")
    const lines = event.errors.map((error) => `manifold: ${explain(error, command)}`)
    return Console.error(
      [...lines, `Usage: ${event.helpDoc.usage}`, `Try ${command} --help`].join("\n")
    ).pipe(Effect.asVoid)
  }
}
