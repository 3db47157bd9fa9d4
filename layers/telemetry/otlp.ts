/** OTLP/HTTP export of traces, metrics and logs with effect's exporters. Loaded only if a collector is configured. */
import { ConfigProvider, Duration, Effect, Layer, Redacted } from "effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { HttpClient } from "effect/http/HttpClient"
import { layerFlusher } from "effect/observability/OtlpExporter"
import * as OtlpMetrics from "effect/observability/OtlpMetrics"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as OtlpTracer from "effect/observability/OtlpTracer"
import { Identity } from "../../src/domain/Identity.ts"
import * as callMetrics from "./callMetrics.ts"
import * as callSpans from "./callSpans.ts"
import * as Collector from "./Collector.ts"
import * as logLines from "./otlpLogs.ts"
import { Metrics } from "./Metrics.ts"
import * as processMetrics from "./processMetrics.ts"
import type { Settings } from "./section.ts"

/** Collector and service name of the signals. */
interface ExportTarget {
  /** Base URL (OTLP 1.x, "OTLP/HTTP request"). */
  readonly endpoint: string
  readonly otlp: Settings["otlp"]
  readonly resource: { readonly serviceName: string; readonly serviceVersion: string }
}

const optionsOf = ({ endpoint, otlp, resource }: ExportTarget, signal: Collector.Signal) => ({
  url: `${endpoint.replace(/\/+$/, "")}/v1/${signal}`,
  headers: Object.fromEntries(
    Object.entries(otlp.headers).map(([name, value]) => [name, Redacted.value(value)])
  ),
  resource,
  exportInterval: otlp.interval,
  maxBatchSize: Collector.batchSize,
  // Three exporters shut down one after another, within the shutdown time-out.
  shutdownTimeout: Duration.seconds(1)
})

/** Provides the client and serialization of a collector. */
const through = (collector: Effect.Success<ReturnType<typeof Collector.make>>) => {
  const { client, serialization } = collector
  return <A, E, R>(self: Effect.Effect<A, E, R>) =>
    self.pipe(
      Effect.provideService(HttpClient, client),
      Effect.provideService(OtlpSerialization.OtlpSerialization, serialization)
    )
}

const traces = Effect.fnUntraced(function* (target: ExportTarget) {
  const collector = yield* Collector.make("traces")
  const tracer = yield* OtlpTracer.make(optionsOf(target, "traces")).pipe(through(collector))
  yield* callSpans.observe(tracer, target.otlp.sample_ratio, collector.admits)
})

const metrics = Effect.fnUntraced(function* (target: ExportTarget) {
  const { registry } = yield* Metrics
  const collector = yield* Collector.make("metrics")
  yield* OtlpMetrics.make(optionsOf(target, "metrics")).pipe(
    through(collector),
    Effect.provideContext(registry)
  )
})

const logs = Effect.fnUntraced(function* (target: ExportTarget) {
  const collector = yield* Collector.make("logs")
  yield* logLines.send(optionsOf(target, "logs"), collector.admits).pipe(through(collector))
})

export const layer = (endpoint: string, { otlp, service_name }: Settings) =>
  Layer.effectDiscard(
    Effect.flatMap(Identity, ({ name, version }) => {
      const resource = { serviceName: service_name ?? name, serviceVersion: version }
      const target: ExportTarget = { endpoint, otlp, resource }
      return Effect.all([traces(target), metrics(target), logs(target)])
    })
  ).pipe(
    Layer.provide([callMetrics.layer, processMetrics.layer]),
    Layer.provide([
      layerFlusher,
      FetchHttpClient.layer,
      OtlpSerialization.layerJson,
      // No redirects: headers may contain secrets.
      Layer.succeed(FetchHttpClient.RequestInit, { redirect: "error" }),
      // Exporters must not read settings from the environment.
      ConfigProvider.layer(ConfigProvider.fromUnknown({}))
    ])
  )
