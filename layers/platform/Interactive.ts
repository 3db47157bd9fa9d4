/** What only a command line needs of the platform: a terminal, and other programs. */
import * as NodeChildProcessSpawner from "@effect/platform-node-shared/NodeChildProcessSpawner"
import * as NodeTerminal from "@effect/platform-node-shared/NodeTerminal"
import { Layer } from "effect"

export const layer = Layer.mergeAll(NodeChildProcessSpawner.layer, NodeTerminal.layer)
