/** Health check and metrics of the certificates that are served. */
import { Clock, Effect, Layer, Schema } from "effect"
import { Health } from "../../health/Health.ts"
import { Metrics } from "../../telemetry/Metrics.ts"
import { sources } from "./Certificate.ts"
import { stateOf } from "./describeCertificates.ts"
import { ServedCertificates } from "./ServedCertificates.ts"

const day = 24 * 60 * 60_000
/** Hosts that the health check names. */
const mostNamed = 3

/** Certificates expire soon, and their renewal fails or is up to the operator. */
class CertificatesExpire extends Schema.TaggedError<CertificatesExpire>()("CertificatesExpire", {
  hosts: Schema.Array(Schema.String)
}) {
  override get message() {
    const { hosts } = this
    const more = hosts.length > mostNamed ? ` and ${hosts.length - mostNamed} more` : ""
    return `certificates expire soon: ${hosts.slice(0, mostNamed).join(", ")}${more}; list_certificates shows why`
  }
}

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const metrics = yield* Metrics
    const health = yield* Health
    const clock = yield* Clock.Clock
    const { chosen } = yield* ServedCertificates

    const expiring = Effect.map(Clock.currentTimeMillis, (now) =>
      [...chosen()].flatMap(([host, certificate]) => (stateOf(certificate, now) === "active" ? [] : [host]))
    )
    yield* health.add(
      "certificates",
      Effect.flatMap(expiring, (hosts) =>
        hosts.length === 0 ? Effect.void : Effect.fail(new CertificatesExpire({ hosts }))
      ),
      { optional: true }
    )

    for (const source of sources) {
      const ends = () =>
        [...chosen().values()].flatMap((each) => (each.source === source ? [each.not_after] : []))
      yield* metrics.gauge(
        "manifold_certificate_hosts",
        "Hosts that are served with a certificate of each source.",
        () => ends().length,
        { source }
      )
      yield* metrics.gauge(
        "manifold_certificate_days_to_expiry",
        "Days until the first certificate of each source that is served expires; NaN without one.",
        () => {
          const first = ends().reduce((least, each) => Math.min(least, each), Infinity)
          return first === Infinity ? Number.NaN : (first - clock.currentTimeMillisUnsafe()) / day
        },
        { source }
      )
    }
  })
)
