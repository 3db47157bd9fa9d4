#!/usr/bin/env bun
/** Starts the command line on the real platform. */
import { Effect, Stdio } from "effect"
import { runMain } from "../layers/platform/Platform.ts"
import { foundation } from "./cli/program.ts"
import { report } from "./cli/report.ts"

// A client starts a stdio server for every conversation, so that one does not wait for the command line to load.
const load = async (words: ReadonlyArray<string>) =>
  words.length === 1 && words[0] === "serve"
    ? (await import("./cli/stdio.ts")).serveStdio
    : (await import("./cli/manifold.ts")).run

Stdio.Stdio.use((stdio) => stdio.args).pipe(
  Effect.flatMap((words) => Effect.promise(() => load(words))),
  Effect.flatten,
  Effect.tapCause(report),
  Effect.provide(foundation),
  runMain({ disableErrorReporting: true })
)
