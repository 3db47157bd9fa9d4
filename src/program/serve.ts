/** Runs a custom server as the process, over stdio or HTTP, until its input ends or a signal stops it. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import * as httpSection from "../../layers/http/section.ts"
import * as Logging from "../../layers/logging/Logging.ts"
import { exitOnSecondSignal, runMain } from "../../layers/platform/Platform.ts"
import * as Entries from "../catalog/entriesLayer.ts"
import type { PromptEntry, ResourceEntry, TemplateEntry } from "../catalog/Entry.ts"
import { serverTeardown } from "./exitCode.ts"
import * as Service from "./httpService.ts"
import { listening } from "./listening.ts"
import { printFailure } from "./printFailure.ts"
import { server, type ServerOptions, type ServerServices } from "./server.ts"
import { serveStdio } from "./stdioService.ts"

export interface ServeOptions extends ServerOptions {
  /** Layers that add to the catalog: `toolset({ toolkit, layer })` for each toolkit, `builtIns`, or any other layer. */
  readonly tools?: ReadonlyArray<Layer.Layer<never, unknown, ServerServices>>
  readonly prompts?: ReadonlyArray<PromptEntry>
  readonly resources?: ReadonlyArray<ResourceEntry>
  readonly resourceTemplates?: ReadonlyArray<TemplateEntry>
  /** HTTP instead of stdio; host and port override section `server`. Default: stdio. */
  readonly http?: Service.Overrides | boolean | undefined
}

/** The server and its entries, without a transport. */
const layerOf = (options: ServeOptions) => {
  const { http: _, prompts = [], resourceTemplates = [], resources = [], tools = [], ...own } = options
  const entries = Entries.layer({ prompts, resources, templates: resourceTemplates })
  return Layer.mergeAll(entries, ...tools).pipe(Layer.provideMerge(server(own)))
}

/** Supervisors collect standard output, where HTTP writes nothing else. */
const logToStdout = Layer.succeed(Logging.Stream, "stdout")

/** Only the program `manifold` runs several workers. */
const oneProcess = Layer.effectDiscard(
  Effect.gen(function* () {
    const { workers } = yield* (yield* ConfigSource).read(httpSection.section)
    if (workers > 1)
      yield* Effect.logWarning("server.workers is ignored: only `manifold serve --http` has workers")
  })
)

/**
 * Serves until standard input ends (stdio), or until SIGINT or SIGTERM: running calls are finished or interrupted as
 * configured in section `server`, and the process exits with 0. A second signal ends it at once. An error at the start is
 * printed on standard error, with exit code 1.
 */
export const serve = (options: ServeOptions): void => {
  const { http = false, name } = options
  const app = layerOf(options)
  const serving: Effect.Effect<void, unknown> =
    http === false
      ? Effect.provide(serveStdio, app)
      : Effect.provide(
          listening,
          Layer.merge(Service.layer(http === true ? {} : http), oneProcess).pipe(
            Layer.provideMerge(app),
            Layer.provide(logToStdout)
          )
        )
  exitOnSecondSignal.pipe(
    Effect.andThen(serving),
    Effect.tapCause(printFailure(name)),
    runMain({ disableErrorReporting: true, teardown: serverTeardown })
  )
}
