/** `manifold doctor`: checks the installation and reports each problem with its fix. */
import { Console, Effect, References, Runtime, Schema } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { examine, type Finding } from "./doctor/Check.ts"
import { checks } from "./doctor/checks.ts"
import { type Color, colorize } from "./terminalColors.ts"

/** At least one check failed; its finding was printed. */
class ChecksFailed extends Schema.TaggedError<ChecksFailed>()("ChecksFailed", {}) {
  override readonly [Runtime.errorExitCode] = 1
  override readonly [Runtime.errorReported] = false
}

const colors: Readonly<Record<Finding["status"], Color>> = { ok: "green", warn: "yellow", fail: "red" }
const width = Math.max(...checks.map(({ name }) => name.length))

export const doctor = Command.make(
  "doctor",
  {
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print a list of {check, status, message}"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ json }) {
    const examined = Effect.forEach(checks, (check) => examine(check), { concurrency: "unbounded" }).pipe(
      // Log lines would be mixed with the findings, which report the same problems.
      Effect.provideService(References.MinimumLogLevel, "None")
    )
    const findings = (yield* examined).flat()
    if (json) yield* Console.log(JSON.stringify(findings))
    else {
      const style = yield* colorize
      for (const { check, message, status } of findings) {
        yield* Console.log(`${style(colors[status], status.padEnd(4))}  ${check.padEnd(width)}  ${message}`)
      }
    }
    if (findings.some(({ status }) => status === "fail")) return yield* new ChecksFailed()
  })
).pipe(
  Command.withDescription("Check this installation and report each problem with its fix"),
  Command.withExamples([
    {
      command: "manifold doctor",
      description: "One line per finding; exit code 1 if a check fails"
    },
    { command: "manifold doctor --json", description: "The same as JSON, for scripts" }
  ])
)
