/** What only a command line needs of the platform: a terminal, other programs, and the machine itself. */
import * as NodeChildProcessSpawner from "@effect/platform-node-shared/NodeChildProcessSpawner"
import * as NodeTerminal from "@effect/platform-node-shared/NodeTerminal"
import { Layer } from "effect"
import { Machine } from "./Machine.ts"

export const layer = Layer.mergeAll(NodeChildProcessSpawner.layer, NodeTerminal.layer, Machine.layer)
