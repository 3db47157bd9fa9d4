/** `/metrics`: metrics in the Prometheus text format; with several workers, those of all of them. */
import { Effect, Layer } from "effect"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import { askWorkers, isPart, partHeaders } from "../../layers/http/askWorkers.ts"
import { type Connection, Routes } from "../../layers/http/Routes.ts"
import { WorkerSlot } from "../../layers/platform/WorkerSlot.ts"
import { mergeMetrics } from "../../layers/telemetry/mergeMetrics.ts"
import { Metrics } from "../../layers/telemetry/Metrics.ts"
import * as prometheus from "../../layers/telemetry/prometheus.ts"
import { requireReader } from "./requireReader.ts"

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const routes = yield* Routes
    const authenticator = yield* Authenticator
    const { registry } = yield* Metrics
    const slot = yield* WorkerSlot
    const headers = { "content-type": prometheus.contentType, ...(slot !== undefined && partHeaders(slot)) }
    const page = async (request: Request, connection: Connection) => {
      const text = prometheus.format(registry)
      if (slot === undefined || isPart(request)) return new Response(text, { headers })
      const others = await askWorkers(slot, request, connection)
      const parts = [{ worker: slot.number, id: slot.id, text }, ...others].toSorted((a, b) => a.id - b.id)
      const newest = new Map(parts.map((part) => [part.worker, part]))
      const all = [...newest.values()].toSorted((a, b) => a.worker - b.worker)
      return new Response(mergeMetrics(all), { headers })
    }
    yield* routes.add({
      paths: ["/metrics"],
      fetch: (request, connection) =>
        requireReader(authenticator, request, connection, () => page(request, connection))
    })
  })
)
