/** `manifold token create|list|revoke`: API tokens in the database. */
import * as Command from "effect/cli/Command"
import { create } from "./token/create.ts"
import { list } from "./token/list.ts"
import { revoke } from "./token/revoke.ts"

export const token = Command.make("token").pipe(
  Command.withDescription("Manage the API tokens of clients"),
  Command.withSubcommands([create, list, revoke])
)
