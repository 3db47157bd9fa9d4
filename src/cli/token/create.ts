/** `manifold token create`: creates an API token and prints it, once. */
import { Clock, Console, DateTime, Duration, Effect, Option, Redacted, Schema } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { DurationSetting } from "../../../layers/config/DurationSetting.ts"
import { StoredTokens } from "../../../layers/identity/StoredTokens.ts"
import { NewToken } from "../../../layers/identity/tokens/StoredToken.ts"
import { OutputStreams } from "../../../layers/platform/OutputStreams.ts"
import { issuesOf } from "../../catalog/schemaIssues.ts"
import { UsageError } from "../UsageError.ts"
import { jsonFlag } from "../upstream/jsonFlag.ts"
import { asOperator } from "./asOperator.ts"

const text = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.optional)
const count = (name: string, description: string) =>
  Flag.Int(name).pipe(Flag.withDescription(description), Flag.optional)
const dollars = (name: string, description: string) =>
  Flag.Finite(name).pipe(Flag.withMetavar("usd"), Flag.withDescription(description), Flag.optional)

/** Flags and the limits that they set. */
const limitFlags = {
  callsPerMinute: count("calls-per-minute", "Maximum calls per minute (default: limits.principal)"),
  concurrency: count("concurrency", "Maximum concurrent calls (default: limits.concurrency.principal)"),
  costHourlyMax: dollars("cost-hourly-max", "Maximum cost per hour"),
  costDailyMax: dollars("cost-daily-max", "Maximum cost per day"),
  costTotalMax: dollars("cost-total-max", "Maximum cost in total")
}

const listOf = (given: Option.Option<string>) =>
  Option.getOrUndefined(given)
    ?.split(/[,\s]+/)
    .filter((scope) => scope !== "")

/** A date as it is, or the time after a duration. */
const expiryOf = Effect.fnUntraced(function* (given: string) {
  if (/^\d{4}-/.test(given)) return given
  const duration = yield* Schema.decodeEffect(DurationSetting)(given).pipe(
    Effect.mapError(
      () =>
        new UsageError({
          detail: `--expires ${given}: write a date such as 2027-01-31, or a duration such as "90 days"`
        })
    )
  )
  const now = yield* Clock.currentTimeMillis
  return DateTime.formatIso(DateTime.makeUnsafe(now + Duration.toMillis(duration)))
})

/** Without the keys whose value is absent. */
const present = (values: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))

export const create = Command.make(
  "create",
  {
    name: Argument.String("name").pipe(
      Argument.withDescription("Name of the token, such as that of its client")
    ),
    subject: text("subject", "User or machine that uses the token (default: its name)"),
    scopes: text(
      "scopes",
      "Comma-separated scopes: read, call, admin, or of one tool, such as call:math.add (default: read,call)"
    ),
    ceiling: text(
      "ceiling",
      "Scopes whose tools the token may see, but not call without the scope (default: the scopes)"
    ),
    expires: text("expires", 'Date, or duration from now, such as "90 days" (default: never)'),
    ...limitFlags,
    json: jsonFlag
  },
  Effect.fnUntraced(function* (input) {
    const expires = Option.getOrUndefined(input.expires)
    const request = yield* Schema.decodeUnknownEffect(NewToken)(
      present({
        name: input.name,
        subject: Option.getOrUndefined(input.subject),
        scopes: listOf(input.scopes),
        ceiling: listOf(input.ceiling),
        expires_at: expires === undefined ? undefined : yield* expiryOf(expires),
        limits: present({
          calls_per_minute: Option.getOrUndefined(input.callsPerMinute),
          concurrency: Option.getOrUndefined(input.concurrency),
          cost_hourly_max: Option.getOrUndefined(input.costHourlyMax),
          cost_daily_max: Option.getOrUndefined(input.costDailyMax),
          cost_total_max: Option.getOrUndefined(input.costTotalMax)
        })
      }),
      { errors: "all" }
    ).pipe(
      Effect.mapError(
        (error) =>
          new UsageError({
            detail: issuesOf(error)
              .map(({ message, path }) => `${path}: ${message}`)
              .join("\n")
          })
      )
    )
    const { about, token } = yield* (yield* StoredTokens).create(request, "operator")
    if (input.json) return yield* Console.log(JSON.stringify({ ...about, token: Redacted.value(token) }))
    yield* Console.log(Redacted.value(token))
    const { stderr } = yield* OutputStreams
    yield* Effect.ignore(
      stderr.write(
        `Created the token ${about.name} with the scopes ${about.scopes.join(", ")}. It is shown only now. Send it as Authorization: Bearer <token>.\n`
      )
    )
  }, asOperator)
).pipe(
  Command.withDescription("Create an API token and print it"),
  Command.withExamples([
    {
      command: 'manifold token create ci --expires "90 days"',
      description: "A token with the scopes read and call"
    },
    {
      command: "manifold token create viewer --scopes read --calls-per-minute 60",
      description: "A token that lists and reads, at most 60 times a minute"
    },
    {
      command: "manifold token create adder --scopes read,call:math.add",
      description: "A token for one tool"
    }
  ])
)
