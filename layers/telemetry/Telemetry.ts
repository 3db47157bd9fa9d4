/** Exports traces, metrics and logs to an OTLP collector, if one is configured. */
import { Effect, Layer, Option } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { section } from "./section.ts"

/** Loads and observes nothing without an endpoint. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const settings = Option.getOrUndefined(yield* (yield* ConfigSource).readOption(section))
    const endpoint = settings?.otlp.endpoint
    if (settings === undefined || endpoint === undefined) return Layer.empty
    const otlp = yield* Effect.promise(() => import("./otlp.ts"))
    return otlp.layer(endpoint, settings)
  })
)
