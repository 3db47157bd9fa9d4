#!/usr/bin/env bun
/** Starts the command line on the real platform. */
import { Effect, Runtime, Stdio } from "effect"
import { ConfigSource } from "../layers/config/ConfigSource.ts"
import { ConfigFile } from "../layers/config/ConfigDocument.ts"
import { exitOnSecondSignal, runMain } from "../layers/platform/Platform.ts"
import { machine } from "./program/baseLayers.ts"
import { serverTeardown } from "./program/exitCode.ts"
import { printFailure } from "./program/printFailure.ts"

let serves = false
/** A server that was stopped has succeeded; a command that was interrupted has not. */
const teardown: Runtime.Teardown = (exit, end) =>
  (serves ? serverTeardown : Runtime.defaultTeardown)(exit, end)

/** The words without `--config FILE`, and that file. */
const withoutConfig = (words: ReadonlyArray<string>) => {
  const at = words.findIndex((word) => word === "--config" || word.startsWith("--config="))
  const [word = "", next] = words.slice(at, at + 2)
  const file = word === "--config" ? next : word.slice("--config=".length)
  if (at < 0 || file === undefined || file === "") return { rest: words, file: undefined }
  return { rest: words.toSpliced(at, word === "--config" ? 2 : 1), file }
}

const configured = <A, E, R>(server: Effect.Effect<A, E, R>, file: string | undefined) =>
  server.pipe(Effect.provide(ConfigSource.layer), Effect.provideService(ConfigFile, file))

// A server does not carry the command line around, and a client that starts one for every conversation does not wait for it.
const run = Effect.fnUntraced(function* (words: ReadonlyArray<string>) {
  const { file, rest } = withoutConfig(words)
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

exitOnSecondSignal.pipe(
  Effect.andThen(Stdio.Stdio.use((stdio) => stdio.args)),
  Effect.flatMap(run),
  Effect.tapCause(printFailure("manifold")),
  Effect.provide(machine),
  runMain({ disableErrorReporting: true, teardown })
)
