/** Duration setting: `"30 seconds"`, `"500 millis"`, or a number of seconds. */
import { Duration, Effect, Option, Schema, SchemaIssue, SchemaTransformation } from "effect"

const expected = 'a duration such as "30 seconds", "500 millis" or a number of seconds'

/** Units: nanos, micros, millis, seconds, minutes, hours, days and weeks. Finite and not negative. */
export const DurationSetting = Schema.Union([Schema.String, Schema.Finite]).pipe(
  Schema.annotate({ expected, description: "A duration such as `30 seconds`; a number is in seconds." }),
  Schema.decodeTo(
    Schema.Duration,
    SchemaTransformation.transformEffect<Duration.Duration, string | number>({
      decode: (written, options) => {
        // Variables are always strings.
        const seconds =
          typeof written === "number" || /^\d+(\.\d+)?$/.test(written) ? Number(written) : undefined
        const read =
          seconds === undefined
            ? Duration.fromInput(written as Duration.Input)
            : Option.some(Duration.seconds(seconds))
        return Effect.fromOption(Option.filter(read, isUsable)).pipe(
          Effect.mapError(() => new SchemaIssue.InvalidValue({ expected }, written, options))
        )
      },
      encode: (duration) => Effect.succeed(`${Duration.toMillis(duration)} millis`)
    })
  )
)

const isUsable = (duration: Duration.Duration): boolean =>
  Duration.isFinite(duration) && !Duration.isNegative(duration)
