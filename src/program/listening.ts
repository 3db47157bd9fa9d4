/** Serves HTTP until interrupted, and announces the endpoint on standard error and in the log. */
import { Effect } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Listener } from "../../layers/http/Listener.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import * as identity from "../../layers/identity/section.ts"
import { OutputStreams } from "../../layers/platform/OutputStreams.ts"
import { announce, supervisorEnded } from "../../layers/platform/workerProcess.ts"
import { WorkerSlot } from "../../layers/platform/WorkerSlot.ts"
import * as storage from "../../layers/storage/section.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { Identity } from "../domain/Identity.ts"

/** Bind addresses that listen on every address of the machine. */
const everywhere: ReadonlySet<string> = new Set(["0.0.0.0", "::", "[::]"])

/** Fields of the log line `listening`. */
const startup = Effect.gen(function* () {
  const { hostname, url } = yield* Listener
  const { version } = yield* Identity
  const config = yield* ConfigSource
  const { tokens } = yield* config.read(identity.section)
  const { redis_url } = yield* config.read(storage.section)
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

/** Until interrupted; that of a worker ends with its supervisor. */
export const listening = Effect.gen(function* () {
  const about = yield* startup
  const slot = yield* WorkerSlot
  const { name } = yield* Identity
  const { stderr } = yield* OutputStreams
  const where = everywhere.has(about.host) ? " on every address of this machine" : ""
  const mcpUrl = new URL("/mcp", about.url).href
  // Not `console.error`: Bun prints that in red on a terminal.
  if (slot === undefined)
    yield* Effect.ignore(stderr.write(`${name} serves MCP at ${mcpUrl}${where}. Press Ctrl-C to stop.\n`))
  yield* Effect.logInfo("listening").pipe(
    Effect.annotateLogs({ ...about, ...(slot !== undefined && { worker: slot.number }) })
  )
  const { writable } = yield* Storage
  yield* writable.pipe(Effect.catch((error) => Effect.logWarning(error.message)))
  if (slot === undefined) return yield* Effect.never
  yield* announce(about.url)
  yield* supervisorEnded
  yield* Effect.logWarning("the supervisor has ended, and so does this worker")
})
