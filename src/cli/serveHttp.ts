/** `manifold serve --http`: the HTTP service, without the imports of the other commands. */
import { Effect, Layer } from "effect"
import * as Logging from "../../layers/logging/Logging.ts"
import * as Service from "../program/httpService.ts"
import { listening } from "../program/listening.ts"
import { mcp } from "../program/program.ts"
import { hotReload } from "../program/reloadConfig.ts"

/** Containers and supervisors collect standard output, where HTTP writes nothing else. */
const logToStdout = Layer.succeed(Logging.Stream, "stdout")

/** Serves until interrupted; prints the URL on standard error. */
export const serveHttp = (overrides: Service.Overrides = {}) =>
  Effect.provide(
    listening,
    Service.layer(overrides).pipe(
      Layer.provideMerge(hotReload),
      Layer.provideMerge(mcp),
      Layer.provide(logToStdout)
    )
  )
