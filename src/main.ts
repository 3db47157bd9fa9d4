#!/usr/bin/env bun
/** Starts the command line on the real platform. */
import { Effect, Runtime, Stdio } from "effect"
import { endWhenToldTwice, runMain } from "../layers/platform/Platform.ts"
import { foundation } from "./program/baseLayers.ts"
import { serverTeardown } from "./program/exitCode.ts"
import { report } from "./program/report.ts"

let serves = false
/** A server that was stopped has succeeded; a command that was interrupted has not. */
const teardown: Runtime.Teardown = (exit, end) =>
  (serves ? serverTeardown : Runtime.defaultTeardown)(exit, end)

// A server does not carry the command line around, and a client that starts one for every conversation does not wait for it.
const load = async (words: ReadonlyArray<string>) => {
  serves = words[0] === "serve"
  switch (words.join(" ")) {
    case "serve":
      return (await import("./cli/stdio.ts")).serveStdio
    case "serve --http":
      return (await import("./cli/http.ts")).serveHttp()
    default:
      return (await import("./cli/manifold.ts")).run
  }
}

endWhenToldTwice.pipe(
  Effect.andThen(Stdio.Stdio.use((stdio) => stdio.args)),
  Effect.flatMap((words) => Effect.promise(() => load(words))),
  Effect.flatten,
  Effect.tapCause(report("manifold")),
  Effect.provide(foundation),
  runMain({ disableErrorReporting: true, teardown })
)
