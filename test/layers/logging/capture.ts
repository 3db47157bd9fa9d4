/** Captures the log of a program under test, by stream and line. */
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import * as Logging from "../../../layers/logging/Logging.ts"
import type { Log } from "../../../layers/logging/Log.ts"
import type { LogRing } from "../../../layers/logging/LogRing.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { type Name, OutputStreams } from "../../../layers/platform/OutputStreams.ts"
import * as Platform from "../../../layers/platform/Platform.ts"

export interface Setting {
  readonly logging?: Record<string, unknown>
  readonly storage?: Record<string, unknown>
  readonly variables?: Record<string, string>
  readonly terminal?: boolean
}

export interface Written {
  readonly stdout: ReadonlyArray<string>
  readonly stderr: ReadonlyArray<string>
}

/** Runs the program with a log in memory; returns the written lines after the log has ended. */
export const capture = <E>(
  program: Effect.Effect<unknown, E, Log | LogRing | Scope.Scope>,
  { logging = {}, storage = {}, terminal = false, variables = {} }: Setting = {}
) =>
  Effect.gen(function* () {
    const text: Record<Name, string> = { stdout: "", stderr: "" }
    const streams = OutputStreams.layerTest(
      (name, more) => Effect.sync(() => void (text[name] += more)),
      terminal
    )
    const layer = Layer.fresh(Logging.layer).pipe(
      Layer.provide([ConfigSource.layerFrom({ logging, storage }, variables), streams]),
      Layer.provide([Ids.layer, Environment.layerTest({}), Platform.layer])
    )
    yield* Effect.scoped(Effect.provide(program, layer))
    const lines = (name: Name) => text[name].split("\n").slice(0, -1)
    return { stdout: lines("stdout"), stderr: lines("stderr") } satisfies Written
  })

export const parse = (line: string | undefined) => JSON.parse(line ?? "") as Record<string, unknown>

/** A scope that the test closes. */
export const openScope = Effect.gen(function* () {
  const scope = yield* Scope.make()
  return {
    provide: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.provideContext(effect, Context.make(Scope.Scope, scope)),
    close: Scope.close(scope, Exit.void)
  }
})
