/** `manifold serve --http`: the HTTP service, without the imports of the other commands. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import * as http from "../../layers/http/section.ts"
import * as Logging from "../../layers/logging/Logging.ts"
import { givenSlot, WorkerSlot } from "../../layers/platform/WorkerSlot.ts"
import * as Service from "../program/httpService.ts"
import { listening } from "../program/listening.ts"
import { mcp } from "../program/program.ts"
import { hotReload } from "../program/reloadConfig.ts"

/** Containers and supervisors collect standard output, where HTTP writes nothing else. */
const logToStdout = Layer.succeed(Logging.Stream, "stdout")

const serveAlone = (overrides: Service.Overrides) =>
  Effect.provide(
    listening,
    Service.layer(overrides).pipe(
      Layer.provideMerge(hotReload),
      Layer.provideMerge(mcp),
      Layer.provide(logToStdout)
    )
  )

/**
 * Serves until interrupted; prints the URL on standard error. `workers`, by default `server.workers`, is the number of
 * processes that share the port.
 */
export const serveHttp = Effect.fnUntraced(function* (overrides: Service.Overrides = {}, workers?: number) {
  const slot = yield* givenSlot
  const count = workers ?? (yield* (yield* ConfigSource).read(http.section)).workers
  if (slot !== undefined || count === 1) {
    return yield* Effect.provideService(serveAlone(overrides), WorkerSlot, slot)
  }
  const { serveWorkers } = yield* Effect.promise(() => import("./serveWorkers.ts"))
  return yield* serveWorkers(count, overrides, logToStdout)
})
