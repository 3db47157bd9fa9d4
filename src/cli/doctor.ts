/** `manifold doctor`: looks at everything that the program needs, and says what is wrong and what to do. */
import { Console, Effect, References, Runtime, Schema } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { examine, type Finding } from "./doctor/Check.ts"
import { checks } from "./doctor/checks.ts"
import { type Color, colorize } from "./terminalColors.ts"

/** Something is wrong, and it has been said. */
class Unwell extends Schema.TaggedError<Unwell>()("Unwell", {}) {
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
      // What the layers log is found as well, and would stand between the findings.
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
    if (findings.some(({ status }) => status === "fail")) return yield* new Unwell()
  })
).pipe(
  Command.withDescription("Say what is wrong with this installation, and what to do about it"),
  Command.withExamples([
    {
      command: "manifold doctor",
      description: "One line for each finding; ends with 1 when something is wrong"
    },
    { command: "manifold doctor --json", description: "The same for a script" }
  ])
)
