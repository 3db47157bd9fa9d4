/** Searches the program's own log, for administrators. */
import { Clock, DateTime, Duration, Effect, Option, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { DurationSetting } from "../../layers/config/DurationSetting.ts"
import { levels } from "../../layers/logging/LogLevel.ts"
import { Logs, mostLines } from "../../layers/logging/Logs.ts"
import { ToolPolicy } from "../domain/Policy.ts"

const usualLines = 100

class InvalidLogQuery extends Schema.TaggedError<InvalidLogQuery>()("InvalidLogQuery", {
  message: Schema.String
}) {}

const GetLogs = Tool.make("get_logs", {
  description:
    "Search the log of this server: the newest lines that match, in chronological order. Secrets are masked.",
  parameters: Schema.Struct({
    lines: Schema.optionalKey(
      Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotate({
        description: `Maximum number of lines. Default: ${usualLines}, at most ${mostLines}.`
      })
    ),
    level: Schema.optionalKey(
      Schema.Literals([
        ...levels,
        ...levels.map((level) => level.toUpperCase() as Uppercase<typeof level>)
      ]).annotate({
        description: "Minimum level. Default: all levels that the section logging writes."
      })
    ),
    since: Schema.optionalKey(
      Schema.String.check(Schema.isMaxLength(64)).annotate({
        description:
          'A date and time such as 2027-01-31T12:00:00Z, or a time before now such as "10 minutes".'
      })
    ),
    text: Schema.optionalKey(
      Schema.NonEmptyString.check(Schema.isMaxLength(256)).annotate({
        description: "Text that a line contains, in any case; not a regular expression."
      })
    )
  }),
  success: Schema.Struct({
    lines: Schema.Array(Schema.Record(Schema.String, Schema.Unknown)),
    source: Schema.Literals(["file", "memory"]),
    complete: Schema.Boolean.annotate({
      description: "False if older lines may match: the log is larger than what one call searches or returns."
    })
  }),
  failure: InvalidLogQuery
})
  .annotate(Tool.Title, "Search the log")
  .annotate(Tool.Readonly, true)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, true)
  .annotate(Tool.OpenWorld, false)
  .annotate(ToolPolicy, { scopes: ["admin"] })

/** Milliseconds since the epoch. */
const sinceOf = Effect.fnUntraced(function* (text: string) {
  const date = /^\d{4}-/.test(text) ? DateTime.make(text) : Option.none()
  if (Option.isSome(date)) return DateTime.toEpochMillis(date.value)
  const ago = yield* Schema.decodeEffect(DurationSetting)(text).pipe(
    Effect.mapError(
      () =>
        new InvalidLogQuery({
          message:
            'since must be a date and time such as 2027-01-31T12:00:00Z, or a duration such as "10 minutes".'
        })
    )
  )
  return (yield* Clock.currentTimeMillis) - Duration.toMillis(ago)
})

/** `ERROR` is `error`. */
const levelOf = (given: string | undefined) => levels.find((level) => level === given?.toLowerCase())

export const toolkit = Toolkit.make(GetLogs)
export const layer = toolkit.toLayer(
  Effect.map(Logs, (logs) =>
    toolkit.of({
      get_logs: Effect.fnUntraced(function* ({ level, lines = usualLines, since, text }) {
        const least = levelOf(level)
        return yield* logs.find({
          lines: Math.min(lines, mostLines),
          ...(least !== undefined && { level: least }),
          ...(since !== undefined && { since: yield* sinceOf(since) }),
          ...(text !== undefined && { search: text })
        })
      })
    })
  )
)
