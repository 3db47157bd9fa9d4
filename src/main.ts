#!/usr/bin/env bun
/** Starts the command line on the real platform. */
import { Effect } from "effect"
import { runMain } from "../layers/platform/Platform.ts"
import { run } from "./cli/manifold.ts"
import { foundation } from "./cli/program.ts"

run.pipe(Effect.provide(foundation), runMain({ disableErrorReporting: true }))
