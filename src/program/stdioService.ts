/** Serves MCP on standard input and output until the input ends, with the limits of the configuration. */
import { Effect } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import * as http from "../../layers/http/section.ts"
import { StdioPipe } from "../../layers/platform/StdioPipe.ts"
import * as Stdio from "../../layers/transports/Stdio.ts"

/** While it runs, `console.log` prints to standard error: standard output belongs to the protocol. */
export const serveStdio = Effect.gen(function* () {
  const { max_message_bytes } = yield* (yield* ConfigSource).read(http.section)
  yield* Stdio.serve({ maxMessageBytes: max_message_bytes })
}).pipe(Effect.provide(StdioPipe.layer))
