/** Files, paths, processes, standard streams and user folders: the one file that names the platform packages. */
import * as NodeChildProcessSpawner from "@effect/platform-node-shared/NodeChildProcessSpawner"
import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import * as NodePath from "@effect/platform-node-shared/NodePath"
import * as NodeRuntime from "@effect/platform-node-shared/NodeRuntime"
import * as NodeStdio from "@effect/platform-node-shared/NodeStdio"
import * as NodeTerminal from "@effect/platform-node-shared/NodeTerminal"
import { Layer } from "effect"
import * as UserDirectories from "effect/persistence/UserDirectories"

/** Runs a program as the process: SIGINT and SIGTERM interrupt it, its exit becomes the exit code. */
export const runMain = NodeRuntime.runMain

/** The services of `effect` that stand for the machine. Nothing is opened or read until one of them is used. */
export const layer = Layer.mergeAll(
  NodeChildProcessSpawner.layer.pipe(
    Layer.provideMerge(Layer.mergeAll(NodeFileSystem.layer, NodePath.layer))
  ),
  NodeStdio.layer,
  NodeTerminal.layer,
  UserDirectories.layer
)
