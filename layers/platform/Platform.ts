/** Files, paths, standard streams and user folders: what every start needs of the platform. */
import * as NodePath from "@effect/platform-node-shared/NodePath"
import * as NodeRuntime from "@effect/platform-node-shared/NodeRuntime"
import { Effect, Layer } from "effect"
import * as UserDirectories from "effect/persistence/UserDirectories"
import * as Files from "./fileSystem.ts"
import { OutputStreams } from "./OutputStreams.ts"
import * as StandardStreams from "./StandardStreams.ts"

/** Runs a program as the process: SIGINT and SIGTERM interrupt it, its exit becomes the exit code. */
export const runMain = NodeRuntime.runMain

/** From now on the second signal ends the process, whatever it still has to finish; with the code that shells have for it. */
export const endWhenToldTwice = Effect.sync(() => {
  let told = 0
  const hear = () => {
    if (++told > 1) process.exit(130)
  }
  process.on("SIGINT", hear)
  process.on("SIGTERM", hear)
})

/** The services of `effect` that stand for the machine. Nothing is opened or read until one of them is used. */
export const layer = Layer.mergeAll(
  Files.layer,
  NodePath.layer,
  OutputStreams.layer,
  StandardStreams.layer,
  UserDirectories.layer
)
