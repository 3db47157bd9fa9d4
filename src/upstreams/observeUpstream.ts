/** Metrics and health of one configured upstream server, while the scope is open. */
import { Effect } from "effect"
import { Health } from "../../layers/health/Health.ts"
import { Metrics } from "../../layers/telemetry/Metrics.ts"
import type { Upstream } from "../../layers/upstream/Upstream.ts"
import { UpstreamError } from "../../layers/upstream/UpstreamError.ts"

/** The label has as many values as the configuration has servers. */
export const observeUpstream = Effect.fnUntraced(function* (
  upstream: Pick<Upstream, "degraded" | "name" | "now" | "ready" | "reconnects" | "requests">
) {
  const metrics = yield* Metrics
  const health = yield* Health
  const labels = { upstream: upstream.name }
  const { degraded, ready, reconnects, requests } = upstream
  yield* metrics.gauge(
    "manifold_upstream_ready",
    "Whether an upstream server is connected, or idle until the next call.",
    () => (ready() ? 1 : 0),
    labels
  )
  yield* metrics.gauge(
    "manifold_upstream_degraded",
    "Whether an upstream server is connected, but its lists could not be read or a ping got no response.",
    () => (degraded() ? 1 : 0),
    labels
  )
  yield* metrics.total(
    "manifold_upstream_requests_total",
    "Requests to an upstream server.",
    requests,
    labels
  )
  yield* metrics.total(
    "manifold_upstream_reconnects_total",
    "Connections to an upstream server that replaced a lost one.",
    reconnects,
    labels
  )
  const check = Effect.suspend(() => {
    const { failure, since, state } = upstream.now()
    if (failure === undefined) return Effect.void
    const { detail, server, stage, unsent } = failure
    const began = new Date(since).toISOString()
    return Effect.fail(
      new UpstreamError({ server, stage, unsent, detail: `${state} since ${began}: ${detail}` })
    )
  })
  yield* health.add(`upstream ${upstream.name}`, check, { optional: true })
})
