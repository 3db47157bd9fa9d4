/** `/metrics`: metrics in the Prometheus text format. */
import { Effect, Layer } from "effect"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import { Routes } from "../../layers/http/Routes.ts"
import { Metrics } from "../../layers/telemetry/Metrics.ts"
import * as prometheus from "../../layers/telemetry/prometheus.ts"
import { requireReader } from "./requireReader.ts"

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const routes = yield* Routes
    const authenticator = yield* Authenticator
    const { registry } = yield* Metrics
    yield* routes.add({
      paths: ["/metrics"],
      fetch: (request, connection) =>
        requireReader(
          authenticator,
          request,
          connection,
          () =>
            new Response(prometheus.format(registry), { headers: { "content-type": prometheus.contentType } })
        )
    })
  })
)
