/** `manifold proxy list|create|update|delete|undo`: applications that are published by host name. */
import * as Command from "effect/cli/Command"
import { create, update } from "./proxy/create.ts"
import { list } from "./proxy/list.ts"
import { remove } from "./proxy/delete.ts"
import { undo } from "./proxy/undo.ts"

export const proxy = Command.make("proxy").pipe(
  Command.withDescription("Publish applications by host name"),
  Command.withSubcommands([list, create, update, remove, undo])
)
