/** Serves HTTP until interrupted, and announces the endpoint on standard error and in the log. */
import { Effect } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Listener } from "../../layers/http/Listener.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import * as auth from "../../layers/identity/section.ts"
import { OutputStreams } from "../../layers/platform/OutputStreams.ts"
import * as storageSection from "../../layers/storage/section.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { Identity } from "../domain/Identity.ts"

/** Bind addresses that mean every address of the machine. */
const everywhere: ReadonlySet<string> = new Set(["0.0.0.0", "::", "[::]"])

/** What an operator needs to know of a service that has just started. */
const startup = Effect.gen(function* () {
  const { version } = yield* Identity
  const { hostname, url } = yield* Listener
  const config = yield* ConfigSource
  const { tokens } = yield* config.read(auth.section)
  const { redis_url } = yield* config.read(storageSection.section)
  const { source } = yield* config.found
  const authenticator = yield* Authenticator
  return {
    url,
    host: hostname,
    version,
    configuration: source ?? "defaults",
    storage: (yield* Storage).dir,
    redis: redis_url !== undefined,
    authentication: authenticator.required ? "required" : "not required on this machine",
    tokens: tokens.length
  }
})

export const listening = Effect.gen(function* () {
  const { name } = yield* Identity
  const about = yield* startup
  const { stderr } = yield* OutputStreams
  const where = everywhere.has(about.host) ? " on every address of this machine" : ""
  // Bun prints `console.error` in red on a terminal, and nothing is wrong here.
  const banner = `${name} serves MCP at ${new URL("/mcp", about.url).href}${where}. Press Ctrl-C to stop.\n`
  yield* Effect.ignore(stderr.write(banner))
  yield* Effect.logInfo("listening").pipe(Effect.annotateLogs(about))
  const storage = yield* Storage
  yield* storage.writable.pipe(Effect.catch((error) => Effect.logWarning(error.message)))
  return yield* Effect.never
})
