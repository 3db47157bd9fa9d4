/** Named commands of the configuration, which administrators run without a shell. */
import { Context, Effect, type FileSystem, Layer, Option, type Path, Scope, Semaphore } from "effect"
import { Audit } from "../audit/Audit.ts"
import { ConfigSource } from "../config/ConfigSource.ts"
import type { CommandError } from "./CommandError.ts"
import type { Approve, CommandOperations, Requester } from "./commandOperations.ts"
import type { CommandResult } from "./runProcess.ts"
import { type CommandsSettings, section } from "./section.ts"

export interface NamedResult extends CommandResult {
  /** The name of the command. */
  readonly command: string
}

/** The settings without a section. */
const none: CommandsSettings = { max_running: 4, named: {} }

export class Commands extends Context.Service<
  Commands,
  {
    /**
     * Runs the command line. Has a row in the audit log before and after. The process group ends when the effect is
     * interrupted. `approve`: asks the user; called for commands that need it.
     */
    readonly run: <R>(
      line: string,
      by: Requester,
      approve: Approve<R>
    ) => Effect.Effect<NamedResult, CommandError, R>
  }
>()("manifold/commands/Commands") {
  /** Follows the section; loads the rest with the first command. */
  static readonly layer = Layer.effect(
    Commands,
    Effect.gen(function* () {
      const config = yield* ConfigSource
      const scope = yield* Effect.scope
      const services = yield* Effect.context<Audit | FileSystem.FileSystem | Path.Path>()
      const loading = yield* Semaphore.make(1)
      let settings = none
      yield* config.followOption(section, (now) =>
        Effect.sync(() => {
          settings = Option.getOrElse(now, () => none)
        })
      )
      let loaded: CommandOperations | undefined
      const load = Effect.flatMap(
        Effect.promise(() => import("./commandOperations.ts")),
        ({ makeCommandOperations }) => makeCommandOperations(() => settings)
      ).pipe(Effect.provideContext(services), Scope.provide(scope))
      const operations = loading.withPermit(
        Effect.suspend(() =>
          loaded === undefined
            ? Effect.tap(load, (made) => Effect.sync(() => (loaded = made)))
            : Effect.succeed(loaded)
        )
      )
      return Commands.of({
        run: (line, by, approve) => Effect.flatMap(operations, ({ run }) => run(line, by, approve))
      })
    })
  )
}
