/** Runs named commands: approval, concurrency limit, audit rows, process. Loaded with the first command. */
import { Context, Effect, Exit, type FileSystem, Layer, type Path, Result } from "effect"
import type { Principal } from "../../src/domain/Principal.ts"
import { Audit } from "../audit/Audit.ts"
import { actorOf, type AuditEntry } from "../audit/AuditEntry.ts"
import { argumentsOf } from "../audit/auditCalls.ts"
import * as childProcess from "../platform/childProcess.ts"
import { Machine } from "../platform/Machine.ts"
import { OrphanGuard } from "../upstream/OrphanGuard.ts"
import { type CommandError, commandError } from "./CommandError.ts"
import { findConfinement } from "./findConfinement.ts"
import { parseCommand } from "./parseCommand.ts"
import { runProcess } from "./runProcess.ts"
import type { CommandsSettings } from "./section.ts"

/** Who runs a command, in which call. */
export interface Requester {
  readonly principal: Principal
  readonly requestId: string
}

/** Asks the user to approve the command line. */
export type Approve<R> = (line: string) => Effect.Effect<void, CommandError, R>

const action = "command.run"

export const makeCommandOperations = Effect.fnUntraced(function* (settings: () => CommandsSettings) {
  const audit = yield* Audit
  const services = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  const processes = yield* Layer.build(
    Layer.mergeAll(Layer.provideMerge(OrphanGuard.layer, childProcess.layer), Machine.layer)
  )
  const context = Context.merge(services, processes)
  const provided = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.provideContext(self, context)
  const confinement = yield* Effect.cached(
    Effect.tap(provided(findConfinement), (found) =>
      found.bwrap
        ? Effect.void
        : Effect.logWarning(
            "Commands run without a sandbox: install bubblewrap, or allow it to make user namespaces"
          )
    )
  )
  let running = 0

  const begin = Effect.suspend(() => {
    const { max_running: most } = settings()
    if (running >= most)
      return Effect.fail(
        commandError("busy", `${most} commands are running. Try again later, or raise commands.max_running.`)
      )
    running++
    return Effect.void
  })
  const end = Effect.sync(() => {
    running--
  })

  const run = Effect.fnUntraced(function* <R>(line: string, by: Requester, approve: Approve<R>) {
    const entry = (target: string, args: ReadonlyArray<string>): Omit<AuditEntry, "outcome"> => ({
      actor: actorOf(by.principal),
      requestId: by.requestId,
      action,
      target,
      details: { ...argumentsOf({ argv: args }, audit.settings().arguments) }
    })
    const parsed = parseCommand(line, settings().named)
    const refuse = (about: Omit<AuditEntry, "outcome">) => (error: CommandError) =>
      Effect.sync(() =>
        audit.recordSoon({ ...about, outcome: "refused", details: { ...about.details, error: error.reason } })
      )
    if (Result.isFailure(parsed)) {
      yield* refuse(entry("", [line]))(parsed.failure)
      return yield* parsed.failure
    }
    const command = parsed.success
    const about = entry(command.name, command.argv)
    const confined = yield* confinement
    const started = Effect.gen(function* () {
      if (command.settings.sandbox === "required" && !confined.bwrap) {
        return yield* commandError(
          "unavailable",
          "This command must run in a sandbox. Install bubblewrap, or allow it to make user namespaces."
        )
      }
      if (command.settings.approval) yield* approve(line)
    })
    yield* Effect.tapError(started, refuse(about))
    const held = Effect.gen(function* () {
      yield* audit
        .write({ ...about, outcome: "started" })
        .pipe(
          Effect.mapError((error) =>
            commandError(
              "unrecorded",
              `The command is not run, because it cannot be recorded: ${error.forCallers}.`
            )
          )
        )
      return yield* provided(runProcess(command, confined)).pipe(
        Effect.onExit((exit) =>
          Effect.sync(() => {
            const facts = Exit.isSuccess(exit)
              ? {
                  exit_code: exit.value.exit_code,
                  ended: exit.value.ended,
                  duration_ms: exit.value.duration_ms,
                  truncated: exit.value.truncated,
                  sandboxed: exit.value.sandboxed
                }
              : {}
            const succeeded = Exit.isSuccess(exit) && exit.value.exit_code === 0
            audit.recordSoon({
              ...about,
              outcome: succeeded ? "succeeded" : Exit.hasInterrupts(exit) ? "interrupted" : "failed",
              details: { ...about.details, ...facts }
            })
          })
        )
      )
    })
    const result = yield* Effect.acquireUseRelease(
      Effect.tapError(begin, refuse(about)),
      () => held,
      () => end
    )
    return { command: command.name, ...result }
  })

  return { run }
})

export type CommandOperations = Effect.Success<ReturnType<typeof makeCommandOperations>>
