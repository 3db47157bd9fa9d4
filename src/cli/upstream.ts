/** `manifold upstream list|test|add|remove|import|login|logout|approve`: other MCP servers that are served here. */
import * as Command from "effect/cli/Command"
import { add, remove } from "./upstream/add.ts"
import { approve } from "./upstream/approve.ts"
import { importCommand } from "./upstream/import.ts"
import { list } from "./upstream/list.ts"
import { login, logout } from "./upstream/login.ts"
import { test } from "./upstream/test.ts"

export const upstream = Command.make("upstream").pipe(
  Command.withDescription("Manage the other MCP servers that manifold serves"),
  Command.withSubcommands([list, test, add, remove, importCommand, login, logout, approve])
)
