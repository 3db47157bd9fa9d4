/** Messages of an invalid command line: the error, the usage line, and how to get help. */
import { Console, Effect, Runtime, Schema } from "effect"
import type * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import { pair } from "./argFlag.ts"

/** Exit code of invalid usage, the same as that of shell built-ins. */
export const usageExitCode = 2

/** Invalid usage; its message was printed. */
export class InvalidUsage extends Schema.TaggedError<InvalidUsage>()("InvalidUsage", {}) {
  override readonly [Runtime.errorExitCode] = usageExitCode
  override readonly [Runtime.errorReported] = false
}

const explain = (error: CliError.NonShowHelpErrors, command: string): string => {
  switch (error._tag) {
    case "MissingArgument":
      return `Missing argument <${error.argument}>`
    case "MissingOption":
      return `Missing option --${error.option}`
    case "UnknownSubcommand":
      return `Unknown command "${error.subcommand}"${didYouMean(error.suggestions)}`
    case "UnrecognizedOption":
      return `Unknown option ${error.option} of ${command}${didYouMean(error.suggestions)}`
    case "InvalidValue":
      return error.expected === pair && error.value !== ""
        ? `--${error.option} expects key=value, got "${error.value}"`
        : error.message
    default:
      return error.message
  }
}

const didYouMean = ([first]: ReadonlyArray<string>) => (first === undefined ? "" : `. Did you mean ${first}?`)

/** Prints help and version on standard output, and errors on standard error without the whole help. */
export const presenter: CliOutput.Presenter = {
  present: (event) => {
    if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
    const command = event.commandPath.join(" ")
    const lines = event.errors.map((error) => `manifold: ${explain(error, command)}`)
    return Console.error(
      [...lines, `Usage: ${event.helpDoc.usage}`, `Run ${command} --help for details`].join("\n")
    ).pipe(Effect.asVoid)
  }
}
