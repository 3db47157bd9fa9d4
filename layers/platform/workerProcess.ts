/** Both ends of the channel between a supervisor and a worker: the worker says that it listens, and ends with its supervisor. */
import { Deferred, Effect, Exit, Runtime, Schema } from "effect"
import { type Launch } from "./Machine.ts"
import { type Slot, variablesOf } from "./WorkerSlot.ts"

const Listening = Schema.Struct({ listening: Schema.String })
const isListening = Schema.is(Listening)

/** A worker ended before it listened, and has printed why. */
export class WorkerEnded extends Schema.TaggedError<WorkerEnded>()("WorkerEnded", { code: Schema.Int }) {
  override readonly [Runtime.errorExitCode] = this.code
  override readonly [Runtime.errorReported] = false

  override get message() {
    return `A worker ended with exit code ${this.code} before it listened.`
  }
}

export interface Worker {
  readonly slot: Slot
  readonly pid: number
  /** Its URL, once it listens. */
  readonly listening: Effect.Effect<string, WorkerEnded>
  /** Its exit code; 128 and the number of the signal that ended it. */
  readonly exited: Effect.Effect<number>
  readonly signal: (signal: "SIGTERM" | "SIGKILL") => void
}

export interface WorkerOptions {
  readonly launch: Launch
  /** Arguments of the program. */
  readonly args: ReadonlyArray<string>
  /** Added to the variables of this process. */
  readonly variables: Readonly<Record<string, string>>
}

/** Starts a worker, whose output goes to this process's. The caller ends it; it also ends when this process does. */
export const spawnWorker = (slot: Slot, { args, launch, variables }: WorkerOptions): Worker => {
  const listening = Deferred.makeUnsafe<string, WorkerEnded>()
  const exited = Deferred.makeUnsafe<number>()
  const child = Bun.spawn([launch.command, ...launch.args, ...args], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    env: { ...process.env, ...variables, ...variablesOf(slot) },
    // Ctrl-C reaches the supervisor only, which ends the workers.
    detached: true,
    serialization: "json",
    ipc: (message: unknown) => {
      if (isListening(message)) Deferred.doneUnsafe(listening, Exit.succeed(message.listening))
    },
    onExit: (_, code, signal) => {
      const ended = code ?? 128 + (typeof signal === "number" ? signal : 0)
      Deferred.doneUnsafe(listening, Exit.fail(new WorkerEnded({ code: ended === 0 ? 1 : ended })))
      Deferred.doneUnsafe(exited, Exit.succeed(ended))
    }
  })
  return {
    slot,
    pid: child.pid,
    listening: Deferred.await(listening),
    exited: Deferred.await(exited),
    signal: (signal) => child.kill(signal)
  }
}

/** In a worker: says that it listens. */
export const announce = (url: string) => Effect.sync(() => void process.send?.({ listening: url }))

/** In a worker: completes when the supervisor has ended. */
export const supervisorEnded = Effect.callback<void>((resume) => {
  const end = () => resume(Effect.void)
  if (!process.connected) return end()
  process.once("disconnect", end)
  return Effect.sync(() => void process.off("disconnect", end))
})
