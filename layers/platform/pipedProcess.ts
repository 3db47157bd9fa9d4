/**
 * A child process whose pipes are used directly, for programs that exchange many messages. Effect's spawner, which starts all
 * others, passes the pipes through further streams: 15 µs of processor time for a batch of messages there and back.
 */
import type { ChildProcessWithoutNullStreams } from "node:child_process"
import { Deferred, Effect, Exit, type Scope } from "effect"

export interface PipedCommand {
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** All of its environment variables. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Time between SIGTERM and SIGKILL of its process group, in milliseconds. */
  readonly graceful: number
}

export interface PipedProcess {
  readonly pid: number
  /** Writes to its standard input, together with what else is written in this turn of the event loop. */
  readonly write: (text: string) => void
  /** Closes its standard input after what was written. */
  readonly endInput: () => void
  readonly onOutput: OnOutput
  readonly onErrorOutput: OnOutput
  /** The exit code; null if a signal ended it. */
  readonly exitCode: Effect.Effect<number | null>
}

/** Reads an output from its start, from the next turn of the event loop on; `ended` is called once, when no process has the other end of the pipe. */
type OnOutput = (chunk: (bytes: Uint8Array) => void, ended: () => void) => void

/** Pause between checks whether a process group has ended, and time for it after SIGKILL, in milliseconds of native time. */
const pollInterval = 10
const afterKill = 1000

const isWindows = process.platform === "win32"

const hasExited = ({ exitCode, signalCode }: ChildProcessWithoutNullStreams) =>
  exitCode !== null || signalCode !== null

/** The group of a process is its own, and may outlive it. */
const signalGroup = (child: ChildProcessWithoutNullStreams, signal: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(-(child.pid ?? 0), signal)
  } catch (error) {
    // Its last members are zombies.
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

const isAlive = (child: ChildProcessWithoutNullStreams): boolean =>
  !hasExited(child) || (!isWindows && signalGroup(child, 0))

/** Waits until the process and its group have ended; false: not in that time. */
const awaitEnd = (child: ChildProcessWithoutNullStreams, milliseconds: number): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const deadline = performance.now() + milliseconds
    const check = () => {
      const alive = isAlive(child)
      if (alive && performance.now() < deadline) return
      clearInterval(timer)
      child.off("exit", check)
      resume(Effect.succeed(!alive))
    }
    const timer = setInterval(check, pollInterval)
    child.on("exit", check)
    check()
  })

const killTree = (child: ChildProcessWithoutNullStreams): Effect.Effect<void> =>
  Effect.flatMap(
    Effect.promise(() => import("node:child_process")),
    ({ execFile }) =>
      Effect.callback((resume) => {
        execFile("taskkill", ["/pid", String(child.pid), "/T", "/F"], { windowsHide: true }, () =>
          resume(Effect.void)
        )
      })
  )

const terminate = Effect.fnUntraced(function* (child: ChildProcessWithoutNullStreams, graceful: number) {
  if (isWindows) {
    if (!hasExited(child)) yield* killTree(child)
    return void (yield* awaitEnd(child, afterKill))
  }
  signalGroup(child, "SIGTERM")
  if (yield* awaitEnd(child, graceful)) return
  signalGroup(child, "SIGKILL")
  yield* awaitEnd(child, afterKill)
})

/** Reads from the start: Bun drops what is unread when the process exits. */
class Output {
  /** Chunks that came before there was a reader. */
  #early: Array<Uint8Array> = []
  #chunk = (bytes: Uint8Array): void => {
    this.#early.push(bytes)
  }
  #ended = (): void => {}
  #hasEnded = false

  constructor(stream: ChildProcessWithoutNullStreams["stdout"]) {
    stream.on("error", () => {})
    stream.on("data", (bytes: Uint8Array) => this.#chunk(bytes))
    stream.on("close", () => {
      this.#hasEnded = true
      this.#ended()
    })
  }

  /** Not within the call: who reads may have to prepare for what the process has already written, or for its end. */
  readonly read: OnOutput = (chunk, ended) => {
    setImmediate(() => {
      this.#chunk = chunk
      this.#ended = ended
      for (const bytes of this.#early.splice(0)) chunk(bytes)
      if (this.#hasEnded) ended()
    })
  }
}

interface Spawned {
  readonly child: ChildProcessWithoutNullStreams
  readonly output: Output
  readonly errorOutput: Output
  readonly exitCode: Deferred.Deferred<number | null>
}

const spawned = ({ args, command, cwd, env }: PipedCommand) =>
  Effect.flatMap(
    Effect.promise(() => import("node:child_process")),
    ({ spawn }) =>
      Effect.callback<Spawned, unknown>((resume) => {
        const options = { cwd, env: { ...env }, detached: !isWindows, windowsHide: isWindows }
        try {
          const child = spawn(command, args, { ...options, stdio: ["pipe", "pipe", "pipe"] })
          const output = new Output(child.stdout)
          const errorOutput = new Output(child.stderr)
          const exitCode = Deferred.makeUnsafe<number | null>()
          // It may end while something is written; its output ends then.
          child.stdin.on("error", () => {})
          child.on("error", (error) => resume(Effect.fail(error)))
          child.on("spawn", () => resume(Effect.succeed({ child, output, errorOutput, exitCode })))
          child.on("exit", (code) => {
            Deferred.doneUnsafe(exitCode, Exit.succeed(code))
            // What a failed process has left behind.
            if (code !== 0 && code !== null && !isWindows) signalGroup(child, "SIGTERM")
          })
        } catch (error) {
          // Such as U+0000 in an argument.
          resume(Effect.fail(error))
        }
      })
  )

/** Starts the process. When the scope closes, its whole process group ends. Fails with the error of the system. */
export const startPiped = Effect.fnUntraced(function* (
  given: PipedCommand
): Effect.fn.Return<PipedProcess, unknown, Scope.Scope> {
  const { child, errorOutput, exitCode, output } = yield* Effect.acquireRelease(spawned(given), (started) =>
    terminate(started.child, given.graceful)
  )

  let unwritten = ""
  const flush = () => {
    const text = unwritten
    unwritten = ""
    if (text !== "" && child.stdin.writable) child.stdin.write(text)
  }
  return {
    pid: child.pid ?? 0,
    write: (text) => {
      if (unwritten === "") setImmediate(flush)
      unwritten += text
    },
    endInput: () => {
      flush()
      child.stdin.end()
    },
    onOutput: output.read,
    onErrorOutput: errorOutput.read,
    exitCode: Deferred.await(exitCode)
  }
})
