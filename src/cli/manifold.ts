/** The command line: one file per command, and one line each here. */
import { Effect } from "effect"
import * as Command from "effect/cli/Command"
import * as Interactive from "../../layers/platform/Interactive.ts"
import { program } from "../domain/version.ts"
import { call } from "./call.ts"
import { config } from "./config.ts"
import { list } from "./list.ts"
import { serve } from "./serve.ts"

const manifold = Command.make("manifold").pipe(
  Command.withDescription("One MCP endpoint: tools, models and other MCP servers behind it"),
  Command.withSubcommands([
    serve, // keep one line each
    call,
    config,
    list
  ])
)

export const run = Command.run(manifold, { version: program.version }).pipe(Effect.provide(Interactive.layer))
