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

/** Failures in a row after which a host without a public certificate is reported. */
const mostFailures = 3

const named = (hosts: ReadonlyArray<string>) =>
  hosts.slice(0, mostNamed).join(", ") +
  (hosts.length > mostNamed ? ` and ${hosts.length - mostNamed} more` : "")

/** Certificates expire soon, and their renewal fails or is up to the operator. */
class CertificatesExpire extends Schema.TaggedError<CertificatesExpire>()("CertificatesExpire", {
  hosts: Schema.Array(Schema.String)
}) {
  override get message() {
    return `certificates expire soon: ${named(this.hosts)}; list_certificates shows why`
  }
}

/** Certificates are not issued by ACME; those of the local CA, or earlier ones, are served. */
class CertificatesNotIssued extends Schema.TaggedError<CertificatesNotIssued>()("CertificatesNotIssued", {
  hosts: Schema.Array(Schema.String)
}) {
  override get message() {
    return `no certificates by ACME: ${named(this.hosts)}; list_certificates shows why`
  }
}

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const metrics = yield* Metrics
    const health = yield* Health
    const clock = yield* Clock.Clock
    const { chosen, failing } = yield* ServedCertificates

    const expiring = Effect.map(Clock.currentTimeMillis, (now) =>
      [...chosen()].flatMap(([host, certificate]) => (stateOf(certificate, now) === "active" ? [] : [host]))
    )
    const check = Effect.gen(function* () {
      const hosts = yield* expiring
      if (hosts.length > 0) return yield* new CertificatesExpire({ hosts })
      const failed = failing().flatMap(({ attempts, host }) => (attempts >= mostFailures ? [host] : []))
      if (failed.length > 0) return yield* new CertificatesNotIssued({ hosts: failed })
    })
    yield* health.add("certificates", check, { optional: true })
    yield* metrics.gauge(
      "manifold_acme_failing_hosts",
      "Hosts for which the last attempt to issue a certificate by ACME failed.",
      () => failing().length
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
