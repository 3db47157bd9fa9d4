/** The listeners of the edge with their certificates, and their issuance; loaded if `edge.https_port` is set. */
import { Effect, Layer } from "effect"
import * as AcmeIssuer from "../../layers/edge/acme/AcmeIssuer.ts"
import * as certificateHealth from "../../layers/edge/certificates/certificateHealth.ts"
import { EdgeListeners } from "../../layers/edge/EdgeListeners.ts"
import { LocalCa } from "../../layers/edge/certificates/LocalCa.ts"
import { ServedCertificates } from "../../layers/edge/certificates/ServedCertificates.ts"

const announced = Layer.effectDiscard(
  Effect.gen(function* () {
    const { http, https } = yield* EdgeListeners
    yield* Effect.logInfo("edge listening").pipe(Effect.annotateLogs({ https_port: https, http_port: http }))
  })
)

export const layer = (options: Parameters<typeof EdgeListeners.layer>[0]) =>
  Layer.mergeAll(announced, AcmeIssuer.layer, certificateHealth.layer).pipe(
    Layer.provideMerge(EdgeListeners.layer(options)),
    Layer.provideMerge(ServedCertificates.layer),
    Layer.provide(LocalCa.layer)
  )
