/** Processes with direct pipes: output from the start, input in order, and the end of the whole group. */
import { expect } from "bun:test"
import { Effect, Fiber } from "effect"
import { type PipedProcess, startPiped } from "../../../layers/platform/pipedProcess.ts"
import { it } from "../../support/effect.ts"
import { gone, processesWith } from "../../support/processes.ts"

const shell = (script: string, { graceful = 5000, marker = "" } = {}) =>
  startPiped({ command: "sh", args: ["-c", script, marker], env: { PATH: "/usr/bin:/bin" }, graceful })

/** The text of an output from its start to its end. */
const textOf = (read: PipedProcess["onOutput"]) =>
  Effect.callback<string>((resume) => {
    const decoder = new TextDecoder()
    let text = ""
    read(
      (bytes) => (text += decoder.decode(bytes, { stream: true })),
      () => resume(Effect.succeed(text))
    )
  })

/** Waits for the first chunk of an output. */
const begun = (read: PipedProcess["onOutput"]) =>
  Effect.callback<void>((resume) => {
    read(
      () => resume(Effect.void),
      () => {}
    )
  })

const nextTurn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

it.live("outputs are read from their start, also after the process has ended", () =>
  Effect.gen(function* () {
    const child = yield* shell("echo out; echo error >&2; exit 3")
    expect(yield* child.exitCode).toBe(3)
    expect(yield* textOf(child.onOutput)).toBe("out\n")
    expect(yield* textOf(child.onErrorOutput)).toBe("error\n")
  })
)

it.live("what is written arrives in order, and nothing after the end of the input", () =>
  Effect.gen(function* () {
    const child = yield* shell("cat")
    const echoed = yield* Effect.forkChild(textOf(child.onOutput))
    const lines = Array.from({ length: 5000 }, (_, line) => `${line} ${"é".repeat(line % 100)}\n`)
    for (const [index, line] of lines.entries()) {
      child.write(line)
      if (index % 500 === 0) yield* nextTurn
    }
    child.endInput()
    child.write("too late")
    expect(yield* Fiber.join(echoed)).toBe(lines.join(""))
    expect(yield* child.exitCode).toBe(0)
  })
)

it.live("the input of a process that has ended is dropped", () =>
  Effect.gen(function* () {
    const child = yield* shell("exit 0")
    child.write("x".repeat(1024 * 1024))
    expect(yield* child.exitCode).toBe(0)
    child.write("more")
    yield* nextTurn
    child.endInput()
  })
)

it.live("an output that a descendant keeps open ends with it", () =>
  Effect.gen(function* () {
    const child = yield* shell("(while kill -0 $$ 2>&-; do :; done; echo late) & exit 0")
    const rest = yield* Effect.forkChild(textOf(child.onOutput))
    expect(yield* child.exitCode).toBe(0)
    expect(yield* Fiber.join(rest)).toBe("late\n")
  })
)

/** A process that SIGTERM does not end, and that outlives the one that started it. */
const stubborn = `sh -c 'trap "" TERM; echo; while :; do sleep 1; done' "$0" &`

for (const [how, script] of [
  ["running", `${stubborn} wait`],
  ["ended", stubborn]
] as const) {
  const marker = `piped-${how}-${process.pid}`
  it.live(`the group of a process that is ${how} ends with its scope`, () =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const child = yield* shell(script, { graceful: 50, marker })
          yield* begun(child.onOutput)
          if (how === "ended") expect(yield* child.exitCode).toBe(0)
          expect(yield* processesWith(marker)).not.toEqual([])
        })
      )
      yield* gone(marker)
    })
  )
}

it.live("a process that cannot be started fails with the error of the system", () =>
  Effect.gen(function* () {
    const command = { args: [], env: {}, graceful: 0 }
    const missing = yield* Effect.flip(startPiped({ ...command, command: "/nonexistent/program" }))
    expect(missing).toMatchObject({ code: "ENOENT" })
    const malformed = yield* Effect.flip(startPiped({ ...command, command: "sh", args: ["a\u0000b"] }))
    expect(malformed).toBeInstanceOf(Error)
  })
)
