/** Exports log lines, with secrets masked, as OTLP log records. */
import { Clock, type Duration, Effect, Schema } from "effect"
import * as OtlpExporter from "effect/observability/OtlpExporter"
import * as OtlpResource from "effect/observability/OtlpResource"
import { OtlpSerialization } from "effect/observability/OtlpSerialization"
import { levels } from "../logging/LogLevel.ts"
import { Log } from "../logging/Log.ts"

const Line = Schema.fromJsonString(
  Schema.StructWithRest(
    Schema.Struct({
      timestamp: Schema.String,
      level: Schema.Literals(levels),
      message: Schema.Unknown
    }),
    [Schema.Record(Schema.String, Schema.Unknown)]
  )
)
const decode = Schema.decodeUnknownSync(Line)

/** OTLP severity number per level (the first of its four). */
const severities = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 } as const

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value))

const toRecord = (line: string, nanos: bigint) => {
  const { level, message, timestamp, ...fields } = decode(line)
  return {
    timeUnixNano: String(BigInt(Date.parse(timestamp)) * 1_000_000n),
    observedTimeUnixNano: String(nanos),
    severityNumber: severities[level],
    severityText: level,
    body: { stringValue: text(message) },
    ...(typeof fields["trace_id"] === "string" && { traceId: fields["trace_id"] }),
    attributes: OtlpResource.entriesToAttributes(
      Object.entries(fields).map(([key, value]) => [key, typeof value === "object" ? text(value) : value])
    ),
    droppedAttributesCount: 0
  }
}

/** Exports while the scope is open. `admits` is called for each line. */
export const send = Effect.fnUntraced(function* (
  options: {
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
    readonly resource: { readonly serviceName: string; readonly serviceVersion: string }
    readonly exportInterval: Duration.Input
    readonly maxBatchSize: number
    readonly shutdownTimeout: Duration.Input
  },
  admits: () => boolean
) {
  const log = yield* Log
  const clock = yield* Clock.Clock
  const serialization = yield* OtlpSerialization
  const resource = OtlpResource.make(options.resource)
  const scope = { name: options.resource.serviceName }
  const exporter = yield* OtlpExporter.make({
    ...options,
    label: "logs",
    body: (records: ReadonlyArray<ReturnType<typeof toRecord>>) => [
      serialization.logs({ resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords: [...records] }] }] }),
      Effect.void
    ]
  })
  const output = {
    push: (line: string) => {
      if (admits()) exporter.push(toRecord(line, clock.currentTimeNanosUnsafe()))
    }
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => log.outputs.add(output)),
    () => Effect.sync(() => log.outputs.delete(output))
  )
})
