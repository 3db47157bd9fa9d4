/** `manifold upstream test`: tests a configured server stage by stage. */
import { Console, Effect, Layer, Runtime, Schema } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import * as mcp from "../../mcp/section.ts"
import { accounts } from "../../program/accounts.ts"
import { foundation } from "../../program/baseLayers.ts"
import { type Color, colorize } from "../terminalColors.ts"
import { configuredServer } from "./configured.ts"
import { jsonFlag } from "./jsonFlag.ts"
import { probeConfigured } from "./probeConfigured.ts"

/** A stage failed, which was printed; sets the exit code only. */
class TestFailed extends Schema.TaggedError<TestFailed>()("TestFailed", {}) {
  override readonly [Runtime.errorExitCode] = 1
  override readonly [Runtime.errorReported] = false
}

const marks = {
  ok: ["green", "ok  "],
  warn: ["yellow", "warn"],
  fail: ["red", "fail"]
} as const satisfies Record<string, readonly [Color, string]>

export const test = Command.make(
  "test",
  { name: Argument.String("name").pipe(Argument.withDescription("Name in mcpServers")), json: jsonFlag },
  Effect.fnUntraced(
    function* ({ json, name }) {
      const settings = yield* configuredServer(name)
      const config = yield* ConfigSource
      const { connection } = yield* config.read(mcp.section)
      const steps = yield* probeConfigured(name, settings, connection.connection_timeout)
      if (json) yield* Console.log(JSON.stringify(steps))
      else {
        const style = yield* colorize
        for (const { degraded, detail, fix, milliseconds, ok, stage } of steps) {
          const [color, text] = degraded === true ? marks.warn : ok ? marks.ok : marks.fail
          const mark = style(color, text)
          yield* Console.log(
            `${mark}  ${stage.padEnd(12)}  ${String(milliseconds).padStart(6)} ms  ${detail}`
          )
          if (fix !== undefined) yield* Console.log(`      ${fix}.`)
        }
      }
      if (steps.some(({ ok }) => !ok)) return yield* new TestFailed()
    },
    Effect.provide(accounts.pipe(Layer.provideMerge(foundation)))
  )
).pipe(Command.withDescription("Test a server stage by stage; exit code 1 if a stage fails"))
