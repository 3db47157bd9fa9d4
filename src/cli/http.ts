/** The HTTP service: what `manifold serve --http` runs, free of what only the rest of the command line needs. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import * as Logging from "../../layers/logging/Logging.ts"
import { Listener } from "../../layers/http/Listener.ts"
import { OutputStreams } from "../../layers/platform/OutputStreams.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import * as Service from "../program/httpService.ts"
import { mcp } from "../program/program.ts"
import { hotReload } from "../program/reloadConfig.ts"

/** Containers and supervisors collect standard output, and nothing else is written there. */
const logToStdout = Layer.succeed(Logging.Stream, "stdout")

/** Serves until interrupted, and says where on standard error. */
export const serveHttp = (overrides: Service.Overrides = {}) =>
  Effect.gen(function* () {
    const { url } = yield* Listener
    const { stderr } = yield* OutputStreams
    // Bun prints `console.error` in red on a terminal, and nothing is wrong here.
    const where = `manifold serves MCP at ${new URL("/mcp", url).href}. Press Ctrl-C to stop.\n`
    yield* Effect.ignore(stderr.write(where))
    const { source } = yield* (yield* ConfigSource).found
    yield* Effect.logInfo("listening").pipe(Effect.annotateLogs({ url, configuration: source ?? "defaults" }))
    const storage = yield* Storage
    yield* storage.writable.pipe(Effect.catch((error) => Effect.logWarning(error.message)))
    return yield* Effect.never
  }).pipe(
    Effect.provide(
      Service.layer(overrides).pipe(
        Layer.provideMerge(hotReload),
        Layer.provideMerge(mcp),
        Layer.provide(logToStdout)
      )
    )
  )
