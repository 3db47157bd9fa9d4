/** The stdio server: what `manifold serve` runs, free of what only the rest of the command line needs. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { StdioPipe } from "../../layers/platform/StdioPipe.ts"
import * as Stdio from "../../layers/transports/Stdio.ts"
import { server } from "../http/sections.ts"
import { mcp } from "./program.ts"

export const serveStdio = Effect.gen(function* () {
  const config = yield* ConfigSource
  const { max_message_bytes } = yield* config.read(server)
  yield* Stdio.serve({ maxMessageBytes: max_message_bytes })
}).pipe(Effect.provide(Layer.mergeAll(mcp, StdioPipe.layer)))
