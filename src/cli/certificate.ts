/** `manifold certificate list|add|remove|retry|reset`: certificates of the edge. */
import * as Command from "effect/cli/Command"
import { add } from "./certificate/add.ts"
import { list } from "./certificate/list.ts"
import { remove } from "./certificate/remove.ts"
import { reset } from "./certificate/reset.ts"
import { retry } from "./certificate/retry.ts"

export const certificate = Command.make("certificate").pipe(
  Command.withDescription("Manage the TLS certificates of the edge"),
  Command.withSubcommands([list, add, remove, retry, reset])
)
