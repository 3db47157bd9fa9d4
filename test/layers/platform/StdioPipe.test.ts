/** The stdio pipe as a child process: protocol on standard output, everything else on standard error. */
import { expect } from "bun:test"
import { Effect, Queue, Stream } from "effect"
import { StdioPipe } from "../../../layers/platform/StdioPipe.ts"
import { it } from "../../support/effect.ts"

const program = new URL("../../support/pipeProgram.ts", import.meta.url).pathname

/** The program with a reader for each output; `within`: a command that runs it as its last arguments. */
const spawnWithin = (within: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      Bun.spawn([...within, process.execPath, program], {
        stdin: "pipe",
        stdout: "pipe",
        stderr: "pipe",
        env: process.env
      })
    ),
    (child) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return child.exited
      })
  )

const spawn = spawnWithin([])

/** Reads one line of the output, closes it, and then says so; exits as the command does. */
const closing = '"$@" | { read -r _; exec 0<&-; echo closed; }; exit "${PIPESTATUS[0]}"'

const text = (stream: ReadableStream<Uint8Array<ArrayBuffer>>) =>
  Effect.promise(() => new Response(stream).text())

it.live("standard output has only what is written to the pipe", () =>
  Effect.gen(function* () {
    const child = yield* spawn
    child.stdin.write("hello")
    child.stdin.end()
    const [output, noise] = yield* Effect.all([text(child.stdout), text(child.stderr)], { concurrency: 2 })
    expect(output).toBe("ready\nHELLOafter the guard\n")
    for (const source of [
      "log",
      "info",
      "debug",
      "dir",
      "table",
      "group",
      "count",
      "trace",
      "write",
      "stdout"
    ]) {
      expect(noise).toContain(`of ${source}`)
    }
    expect(noise).toContain("noise of effect's console")
    expect(yield* Effect.promise(() => child.exited)).toBe(0)
  })
)

it.live("a slow reader gets every message in order", () =>
  Effect.gen(function* () {
    const child = yield* spawn
    const sent = Array.from({ length: 200_000 }, (_, n) => `line ${n}\n`).join("")
    const feeding = Effect.promise(async () => {
      child.stdin.write(sent)
      await child.stdin.end()
    })
    const [, output] = yield* Effect.all([feeding, text(child.stdout)], { concurrency: 2 })
    expect(output === `ready\n${sent.toUpperCase()}after the guard\n`).toBe(true)
  })
)

it.live("a closed standard output fails the write and does not end the process", () =>
  Effect.gen(function* () {
    // `cancel` of a reader of Bun would resolve before the pipe is closed.
    const child = yield* spawnWithin(["bash", "-c", closing, "bash"])
    const reader = child.stdout.getReader()
    const { value } = yield* Effect.promise(() => reader.read())
    expect(new TextDecoder().decode(value)).toBe("closed\n")
    child.stdin.write("nobody reads this")
    child.stdin.end()
    expect(yield* text(child.stderr)).toContain("standard output is closed")
    expect(yield* Effect.promise(() => child.exited)).toBe(0)
  })
)

it.live("SIGTERM ends a program that waits for input", () =>
  Effect.gen(function* () {
    const child = yield* spawn
    const reader = child.stdout.getReader()
    yield* Effect.promise(() => reader.read())
    child.kill("SIGTERM")
    expect(yield* Effect.promise(() => child.exited)).toBe(130)
    expect(child.signalCode).toBeNull()
  })
)

it.effect("the in-memory pipe delivers in both directions and can be closed", () =>
  Effect.gen(function* () {
    const { end, hangUp, layer, received, send } = yield* StdioPipe.memory
    yield* Effect.gen(function* () {
      const pipe = yield* StdioPipe
      yield* send("a")
      yield* send(new Uint8Array([98]))
      yield* end
      expect(yield* pipe.input.pipe(Stream.decodeText(), Stream.mkString)).toBe("ab")
      yield* Effect.promise(() => pipe.write("out"))
      expect(yield* Queue.take(received)).toBe("out")
      yield* hangUp
      const error = yield* Effect.flip(Effect.tryPromise(() => pipe.write("late")))
      expect(String(error.cause)).toContain("standard output is closed")
    }).pipe(Effect.provide(layer))
  })
)
