/** Platform services that only CLI commands use: terminal, child processes and `Machine`. */
import * as NodeChildProcessSpawner from "@effect/platform-node-shared/NodeChildProcessSpawner"
import * as NodeTerminal from "@effect/platform-node-shared/NodeTerminal"
import { Layer } from "effect"
import { Machine } from "./Machine.ts"

export const layer = Layer.mergeAll(NodeChildProcessSpawner.layer, NodeTerminal.layer, Machine.layer)
