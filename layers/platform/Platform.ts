/** Files, paths, standard streams and user folders: what every start needs of the platform. */
import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import * as NodePath from "@effect/platform-node-shared/NodePath"
import * as NodeRuntime from "@effect/platform-node-shared/NodeRuntime"
import * as NodeStdio from "@effect/platform-node-shared/NodeStdio"
import { Layer } from "effect"
import * as UserDirectories from "effect/persistence/UserDirectories"

/** Runs a program as the process: SIGINT and SIGTERM interrupt it, its exit becomes the exit code. */
export const runMain = NodeRuntime.runMain

/** The services of `effect` that stand for the machine. Nothing is opened or read until one of them is used. */
export const layer = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  NodeStdio.layer,
  UserDirectories.layer
)
