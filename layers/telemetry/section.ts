/** The section `telemetry`: OTLP export. */
import { Duration, Schema } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import { Secret } from "../config/Secret.ts"
import * as Section from "../config/Section.ts"

const endpoint = () =>
  Schema.String.annotate({
    expected: "an http or https URL",
    description: "Base URL of an OTLP/HTTP collector. Default: no export."
  }).check(
    Schema.makeFilter((text) => {
      const url = URL.parse(text)
      return (url !== null && /^https?:$/.test(url.protocol)) || "expected an http or https URL"
    })
  )

const headerName = () => Schema.String.check(Schema.isPattern(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/))

const settings = () =>
  Schema.Struct({
    service_name: Schema.optionalKey(
      Schema.NonEmptyString.annotate({
        description:
          "Service name (`service.name`) in the collector. Default: the server's name (`manifold`)."
      })
    ),
    otlp: Section.optional(
      Schema.Struct({
        endpoint: Schema.optionalKey(endpoint()),
        headers: Section.optional(
          Schema.Record(headerName(), Secret),
          {},
          "Headers of export requests, such as `authorization`; values are secrets."
        ),
        interval: Section.optional(
          DurationSetting.check(
            Schema.makeFilter((value) => Duration.toMillis(value) >= 100 || "expected at least 100 millis")
          ),
          "10 seconds",
          "Export interval."
        ),
        sample_ratio: Section.optional(
          Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
          1,
          "Sampling ratio (0 to 1) for calls without a trace context."
        )
      }),
      {},
      "OTLP/HTTP export of traces, metrics and logs."
    )
  })
export type Settings = ReturnType<typeof settings>["Type"]

export const section = Section.deferred("telemetry", settings, {
  description: "Export of traces, metrics and logs to an OTLP collector.",
  env: {
    OTEL_EXPORTER_OTLP_ENDPOINT: { path: ["otlp", "endpoint"], kind: "string" },
    OTEL_SERVICE_NAME: { path: ["service_name"], kind: "string" }
  }
})
