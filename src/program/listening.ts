/** Serves HTTP until interrupted, and announces the endpoint on standard error and in the log. */
import { Effect } from "effect"
import { Listener } from "../../layers/http/Listener.ts"
import { OutputStreams } from "../../layers/platform/OutputStreams.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { Identity } from "../domain/Identity.ts"

export const listening = Effect.gen(function* () {
  const { name } = yield* Identity
  const { url } = yield* Listener
  const { stderr } = yield* OutputStreams
  // Bun prints `console.error` in red on a terminal, and nothing is wrong here.
  const where = `${name} serves MCP at ${new URL("/mcp", url).href}. Press Ctrl-C to stop.\n`
  yield* Effect.ignore(stderr.write(where))
  yield* Effect.logInfo("listening").pipe(Effect.annotateLogs({ url }))
  const storage = yield* Storage
  yield* storage.writable.pipe(Effect.catch((error) => Effect.logWarning(error.message)))
  return yield* Effect.never
})
