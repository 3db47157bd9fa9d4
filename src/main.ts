#!/usr/bin/env bun
/** Starts the command line on the real platform. */
import { Effect } from "effect"
import { runMain } from "../layers/platform/Platform.ts"
import { foundation } from "./cli/program.ts"
import { report } from "./cli/report.ts"

// A client starts a stdio server for every conversation, so that one does not wait for the command line to load.
const [, , ...words] = process.argv
const load = async () =>
  words.length === 1 && words[0] === "serve"
    ? (await import("./cli/stdio.ts")).serveStdio
    : (await import("./cli/manifold.ts")).run

Effect.promise(load).pipe(
  Effect.flatten,
  Effect.tapCause(report),
  Effect.provide(foundation),
  runMain({ disableErrorReporting: true })
)
