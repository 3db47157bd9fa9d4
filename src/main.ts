#!/usr/bin/env bun
/** Starts the command line on the real platform. */
import { Effect, Runtime, Stdio } from "effect"
import { endWhenToldTwice, runMain } from "../layers/platform/Platform.ts"
import { foundation } from "./program/baseLayers.ts"
import { report } from "./cli/report.ts"

/** The code of a program that was interrupted, as shells have it. */
const interrupted = 130
let serves = false
/** Told to stop, a server has done what it was asked for; a command has not. */
const teardown: Runtime.Teardown = (exit, end) =>
  Runtime.defaultTeardown(exit, (code) => end(code === interrupted && serves ? 0 : code))

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
  Effect.tapCause(report),
  Effect.provide(foundation),
  runMain({ disableErrorReporting: true, teardown })
)
