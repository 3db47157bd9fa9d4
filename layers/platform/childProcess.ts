/** Starts child processes, each in a process group that ends with its scope; loaded when the first is started. */
import * as NodeChildProcessSpawner from "@effect/platform-node-shared/NodeChildProcessSpawner"

export const layer = NodeChildProcessSpawner.layer
