/** Platform services of every start: file system, paths, standard streams and user folders. */
import * as NodePath from "@effect/platform-node-shared/NodePath"
import * as NodeRuntime from "@effect/platform-node-shared/NodeRuntime"
import { Effect, Layer } from "effect"
import * as UserDirectories from "effect/persistence/UserDirectories"
import * as Files from "./fileSystem.ts"
import { OutputStreams } from "./OutputStreams.ts"
import * as StandardStreams from "./StandardStreams.ts"

/** Runs a program as the process: SIGINT and SIGTERM interrupt it, its exit determines the exit code. */
export const runMain = NodeRuntime.runMain

/** From now on a second SIGINT or SIGTERM exits at once, with code 130. */
export const exitOnSecondSignal = Effect.sync(() => {
  let signals = 0
  const onSignal = () => {
    if (++signals > 1) process.exit(130)
  }
  process.on("SIGINT", onSignal)
  process.on("SIGTERM", onSignal)
})

/** Effect's platform services. Nothing is opened or read before first use. */
export const layer = Layer.mergeAll(
  Files.layer,
  NodePath.layer,
  OutputStreams.layer,
  StandardStreams.layer,
  UserDirectories.layer
)
