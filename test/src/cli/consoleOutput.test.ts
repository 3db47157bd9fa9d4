/** Console output of commands: order, write errors and closed pipes. */
import { expect } from "bun:test"
import { Console, Effect } from "effect"
import { systemError } from "effect/PlatformError"
import { OutputStreams } from "../../../layers/platform/OutputStreams.ts"
import { consoleOutput } from "../../../src/cli/consoleOutput.ts"
import { it } from "../../support/effect.ts"

const failing = (code: string) => {
  const cause = Object.assign(new Error(code), { code })
  const error = systemError({ _tag: "Unknown", module: "test", method: "write", cause })
  return OutputStreams.layerTest(() => Effect.fail(error))
}

it.effect("lines are written in order, and the command's result is returned", () =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const command = Effect.as(Effect.andThen(Console.log("one"), Console.log("two", 2)), "result")
    const result = yield* consoleOutput(command).pipe(
      Effect.provide(OutputStreams.layerTest((_, text) => Effect.sync(() => void lines.push(text))))
    )
    expect({ lines, result }).toEqual({ lines: ["one\n", "two 2\n"], result: "result" })
  })
)

it.effect("a full disk fails the command", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(consoleOutput(Console.log("x")).pipe(Effect.provide(failing("ENOSPC"))))
    expect(error).toMatchObject({ _tag: "OutputFailed", code: "ENOSPC" })
  })
)

it.effect("a reader that closes the pipe causes no error", () =>
  Effect.gen(function* () {
    const command = Effect.as(Console.log("x"), "result")
    expect(yield* consoleOutput(command).pipe(Effect.provide(failing("EPIPE")))).toBe("result")
  })
)

it.effect("the command's own error takes precedence over an output error", () =>
  Effect.gen(function* () {
    const command = Effect.andThen(Console.log("x"), Effect.fail("mine"))
    expect(yield* Effect.flip(consoleOutput(command).pipe(Effect.provide(failing("ENOSPC"))))).toBe("mine")
  })
)
