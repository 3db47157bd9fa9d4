/** Serves MCP on standard input and output until the input ends, with the limits of the configuration. */
import { Effect } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import * as http from "../../layers/http/section.ts"
import { StdioPipe } from "../../layers/platform/StdioPipe.ts"
import { boundsOf } from "../../layers/transports/jsonBounds.ts"
import * as Stdio from "../../layers/transports/Stdio.ts"

/** While it runs, `console.log` prints to standard error, because standard output carries protocol messages only. */
export const serveStdio = Effect.gen(function* () {
  const settings = yield* (yield* ConfigSource).read(http.section)
  yield* Stdio.serve({ maxMessageBytes: settings.max_message_bytes, bounds: boundsOf(settings) })
}).pipe(Effect.provide(StdioPipe.layer))
