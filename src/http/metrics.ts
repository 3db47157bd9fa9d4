/** `/metrics`: the program's numbers as Prometheus reads them. */
import { Effect, Layer } from "effect"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import { Routes } from "../../layers/http/Routes.ts"
import { Metrics } from "../../layers/telemetry/Metrics.ts"
import * as prometheus from "../../layers/telemetry/prometheus.ts"
import { readerOf } from "./reading.ts"

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const routes = yield* Routes
    const authenticator = yield* Authenticator
    const { registry } = yield* Metrics
    yield* routes.add({
      paths: ["/metrics"],
      fetch: (request, connection) => {
        const reader = readerOf(authenticator, request, connection)
        if (reader instanceof Response) return reader
        return new Response(prometheus.format(registry), {
          headers: { "content-type": prometheus.contentType }
        })
      }
    })
  })
)
