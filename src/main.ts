#!/usr/bin/env bun
/** Entry point of the program: runs the command line on the real platform. */
import { Effect, Runtime, Stdio } from "effect"
import { ConfigSource } from "../layers/config/ConfigSource.ts"
import { ConfigFile } from "../layers/config/ConfigDocument.ts"
import { exitOnSecondSignal, runMain } from "../layers/platform/Platform.ts"
import { givenSlot } from "../layers/platform/WorkerSlot.ts"
import { machine } from "./program/baseLayers.ts"
import { serverTeardown } from "./program/exitCode.ts"
import { printFailure } from "./program/printFailure.ts"

let serves = false
/** A server stopped by a signal exits with 0, an interrupted command with 130. */
const teardown: Runtime.Teardown = (exit, end) =>
  (serves ? serverTeardown : Runtime.defaultTeardown)(exit, end)

/** Separates `--config FILE` from the other arguments. */
const withoutConfig = (args: ReadonlyArray<string>) => {
  const at = args.findIndex((arg) => arg === "--config" || arg.startsWith("--config="))
  const [arg = "", next] = args.slice(at, at + 2)
  const file = arg === "--config" ? next : arg.slice("--config=".length)
  if (at < 0 || file === undefined || file === "") return { rest: args, file: undefined }
  return { rest: args.toSpliced(at, arg === "--config" ? 2 : 1), file }
}

const configured = <A, E, R>(server: Effect.Effect<A, E, R>, file: string | undefined) =>
  server.pipe(Effect.provide(ConfigSource.layer), Effect.provideService(ConfigFile, file))

// A server does not load the command line: clients start one for every conversation, and wait for its `initialize` response.
const run = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const { file, rest } = withoutConfig(args)
  serves = rest[0] === "serve"
  switch (rest.join(" ")) {
    case "serve": {
      const { serveStdio } = yield* Effect.promise(() => import("./cli/serveStdio.ts"))
      return yield* configured(serveStdio, file)
    }
    case "serve --http": {
      const { serveHttp } = yield* Effect.promise(() => import("./cli/serveHttp.ts"))
      return yield* configured(serveHttp(), file)
    }
    default:
      return yield* (yield* Effect.promise(() => import("./cli/manifold.ts"))).run
  }
})

givenSlot.pipe(
  // A service manager signals all processes, and the supervisor its workers again.
  Effect.flatMap((slot) => (slot === undefined ? exitOnSecondSignal : Effect.void)),
  Effect.andThen(Stdio.Stdio.use((stdio) => stdio.args)),
  Effect.flatMap(run),
  Effect.tapCause(printFailure("manifold")),
  Effect.provide(machine),
  runMain({ disableErrorReporting: true, teardown })
)
