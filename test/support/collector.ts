/** An OTLP/HTTP collector that records requests and can fail. */
import { Effect, Schema } from "effect"

const Attributes = Schema.Array(
  Schema.Struct({
    key: Schema.String,
    value: Schema.Record(Schema.String, Schema.Unknown)
  })
)
const Span = Schema.Struct({
  traceId: Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/)),
  spanId: Schema.String.check(Schema.isPattern(/^[0-9a-f]{16}$/)),
  parentSpanId: Schema.optionalKey(Schema.String),
  name: Schema.String,
  kind: Schema.Int,
  startTimeUnixNano: Schema.String.check(Schema.isPattern(/^\d+$/)),
  endTimeUnixNano: Schema.String.check(Schema.isPattern(/^\d+$/)),
  attributes: Attributes,
  events: Schema.Array(Schema.Struct({ name: Schema.String, attributes: Attributes })),
  status: Schema.Struct({ code: Schema.Int, message: Schema.optionalKey(Schema.String) })
})
const Point = Schema.Struct({
  attributes: Attributes,
  asDouble: Schema.optionalKey(Schema.Finite),
  count: Schema.optionalKey(Schema.Int),
  sum: Schema.optionalKey(Schema.Finite),
  bucketCounts: Schema.optionalKey(Schema.Array(Schema.Int)),
  explicitBounds: Schema.optionalKey(Schema.Array(Schema.Finite))
})
const Points = Schema.Struct({ dataPoints: Schema.Array(Point) })
const Metric = Schema.Struct({
  name: Schema.String,
  sum: Schema.optionalKey(Points),
  gauge: Schema.optionalKey(Points),
  histogram: Schema.optionalKey(Points)
})
const LogRecord = Schema.Struct({
  timeUnixNano: Schema.String.check(Schema.isPattern(/^\d+$/)),
  severityNumber: Schema.Int,
  traceId: Schema.optionalKey(Schema.String),
  severityText: Schema.String,
  body: Schema.Record(Schema.String, Schema.Unknown),
  attributes: Attributes
})
const resource = Schema.Struct({ attributes: Attributes })

const Traces = Schema.Struct({
  resourceSpans: Schema.Array(
    Schema.Struct({ resource, scopeSpans: Schema.Array(Schema.Struct({ spans: Schema.Array(Span) })) })
  )
})
const Metrics = Schema.Struct({
  resourceMetrics: Schema.Array(
    Schema.Struct({ resource, scopeMetrics: Schema.Array(Schema.Struct({ metrics: Schema.Array(Metric) })) })
  )
})
const Logs = Schema.Struct({
  resourceLogs: Schema.Array(
    Schema.Struct({
      resource,
      scopeLogs: Schema.Array(Schema.Struct({ logRecords: Schema.Array(LogRecord) }))
    })
  )
})

/** OTLP attributes as an object. */
export const plain = (attributes: typeof Attributes.Type): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

/** Listens while the scope is open. `answer` replaces the response 200. */
export const collector = (
  answer: (request: Request) => Response | Promise<Response> = () => Response.json({})
) =>
  Effect.gen(function* () {
    const spans: Array<typeof Span.Type> = []
    const logs: Array<typeof LogRecord.Type> = []
    /** The last report. */
    const metrics = new Map<string, typeof Metric.Type>()
    const requests: Array<{ readonly path: string; readonly headers: Headers }> = []
    const resources: Array<Record<string, unknown>> = []

    const keep = (path: string, body: unknown) => {
      switch (path) {
        case "/v1/traces":
          for (const each of Schema.decodeUnknownSync(Traces)(body).resourceSpans) {
            resources.push(plain(each.resource.attributes))
            for (const scope of each.scopeSpans) spans.push(...scope.spans)
          }
          return
        case "/v1/metrics":
          for (const each of Schema.decodeUnknownSync(Metrics)(body).resourceMetrics) {
            for (const scope of each.scopeMetrics) for (const it of scope.metrics) metrics.set(it.name, it)
          }
          return
        case "/v1/logs":
          for (const each of Schema.decodeUnknownSync(Logs)(body).resourceLogs) {
            for (const scope of each.scopeLogs) logs.push(...scope.logRecords)
          }
          return
        default:
          throw new Error(`nothing is exported to ${path}`)
      }
    }

    const server = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Bun.serve({
          hostname: "127.0.0.1",
          port: 0,
          fetch: async (request) => {
            const path = new URL(request.url).pathname
            requests.push({ path, headers: request.headers })
            const body: unknown = await request.json()
            const response = await answer(request)
            if (response.ok) keep(path, body)
            return response
          }
        })
      ),
      (running) => Effect.promise(() => running.stop(true))
    )
    return { url: `http://127.0.0.1:${server.port}`, spans, logs, metrics, requests, resources }
  })
