/** `manifold serve --http --workers N`: the supervisor, which a service of one process does not load. */
import { Effect, Layer } from "effect"
import { Machine } from "../../layers/platform/Machine.ts"
import { Signals } from "../../layers/platform/Signals.ts"
import { configured } from "../program/baseLayers.ts"
import type { Overrides } from "../program/httpService.ts"
import { superviseWorkers } from "../program/superviseWorkers.ts"
import { UsageError } from "./UsageError.ts"

/** Serves until interrupted. Only Linux gives each process a part of the connections. */
export const serveWorkers = Effect.fnUntraced(function* (
  count: number,
  overrides: Overrides,
  log: Layer.Layer<never>
) {
  const { os } = yield* Machine
  if (os !== "linux") {
    return yield* new UsageError({
      detail:
        "several workers require Linux, which shares a port between them: set --workers or server.workers to 1"
    })
  }
  return yield* Effect.provide(
    superviseWorkers(count, overrides),
    Signals.layer.pipe(Layer.provideMerge(configured), Layer.provide(log))
  )
}, Effect.provide(Machine.layer))
