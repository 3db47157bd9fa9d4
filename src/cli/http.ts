/** The HTTP service: what `manifold serve --http` runs, free of what only the rest of the command line needs. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import * as auth from "../../layers/identity/section.ts"
import * as Logging from "../../layers/logging/Logging.ts"
import { Listener } from "../../layers/http/Listener.ts"
import { OutputStreams } from "../../layers/platform/OutputStreams.ts"
import * as storageSection from "../../layers/storage/section.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { program } from "../domain/version.ts"
import * as Service from "../program/httpService.ts"
import { mcp } from "../program/program.ts"
import { hotReload } from "../program/reloadConfig.ts"

/** Containers and supervisors collect standard output, and nothing else is written there. */
const logToStdout = Layer.succeed(Logging.Stream, "stdout")

/** Bind addresses that mean every address of the machine. */
const everywhere: ReadonlySet<string> = new Set(["0.0.0.0", "::", "[::]"])

/** What an operator needs to know of a service that has just started. */
const startup = Effect.gen(function* () {
  const { hostname, url } = yield* Listener
  const config = yield* ConfigSource
  const { tokens } = yield* config.read(auth.section)
  const { redis_url } = yield* config.read(storageSection.section)
  const { source } = yield* config.found
  const authenticator = yield* Authenticator
  return {
    url,
    host: hostname,
    version: program.version,
    configuration: source ?? "defaults",
    storage: (yield* Storage).dir,
    redis: redis_url !== undefined,
    authentication: authenticator.required ? "required" : "not required on this machine",
    tokens: tokens.length
  }
})

/** Serves until interrupted, and says where on standard error. */
export const serveHttp = (overrides: Service.Overrides = {}) =>
  Effect.gen(function* () {
    const about = yield* startup
    const { stderr } = yield* OutputStreams
    const where = everywhere.has(about.host) ? " on every address of this machine" : ""
    const mcpUrl = new URL("/mcp", about.url).href
    // Bun prints `console.error` in red on a terminal, and nothing is wrong here.
    const banner = `manifold serves MCP at ${mcpUrl}${where}. Press Ctrl-C to stop.\n`
    yield* Effect.ignore(stderr.write(banner))
    yield* Effect.logInfo("listening").pipe(Effect.annotateLogs(about))
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
