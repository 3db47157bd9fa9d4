/** The usage report of one principal or of all principals: totals, series, burn rate, limits, holds and top consumers. */
import { Clock, DateTime, Duration, Effect, Option } from "effect"
import type { Principal } from "../../src/domain/Principal.ts"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Sql } from "../storage/Sql.ts"
import { hourLength, hourOf } from "./callRow.ts"
import { usedSince } from "./holdStatements.ts"
import {
  countedFor,
  endOf,
  firstHourOf,
  type Limit,
  limitsOf,
  type Owner,
  sumOf,
  type UsedRow
} from "./limits.ts"
import { unitsOfNumber, usdOf } from "./money.ts"
import type { ReportOptions, ReportWindow } from "./reportOptions.ts"
import { byHour, byModel, byPrincipal, byTool, costSince, openHolds, type Sums } from "./reportStatements.ts"
import { section } from "./section.ts"

/** The period over which the burn rate is measured. */
const measured = Duration.minutes(15)

/** Hours of a window before the current hour, and hours of one step of its series. */
const windows: Record<
  ReportWindow,
  { readonly back: (hour: number) => number; readonly step: number; readonly shown: number }
> = {
  hour: { back: () => 0, step: 1, shown: 24 },
  day: { back: (hour) => hour % 24, step: 1, shown: 24 },
  week: { back: (hour) => (hour % 24) + 24 * 6, step: 24, shown: 24 * 7 },
  month: { back: (hour) => (hour % 24) + 24 * 29, step: 24, shown: 24 * 30 }
}

const iso = (millis: number) =>
  Option.match(DateTime.make(millis), { onNone: () => "", onSome: DateTime.formatIso })

const usageOf = (sums: Sums) => ({
  calls: sums.calls,
  cost_usd: usdOf(sums.cost),
  usage: {
    input_tokens: sums.input_tokens,
    output_tokens: sums.output_tokens,
    total_tokens: sums.total_tokens,
    cached_input_tokens: sums.cached_input_tokens,
    cache_write_input_tokens: sums.cache_write_input_tokens,
    reasoning_tokens: sums.reasoning_tokens
  },
  unpriced_calls: sums.unpriced,
  uncertain_calls: sums.uncertain
})

const none: Sums = {
  calls: 0,
  cost: 0n,
  input_tokens: 0,
  output_tokens: 0,
  total_tokens: 0,
  cached_input_tokens: 0,
  cache_write_input_tokens: 0,
  reasoning_tokens: 0,
  unpriced: 0,
  uncertain: 0
}

const add = (a: Sums, b: Sums): Sums => ({
  calls: a.calls + b.calls,
  cost: a.cost + b.cost,
  input_tokens: a.input_tokens + b.input_tokens,
  output_tokens: a.output_tokens + b.output_tokens,
  total_tokens: a.total_tokens + b.total_tokens,
  cached_input_tokens: a.cached_input_tokens + b.cached_input_tokens,
  cache_write_input_tokens: a.cache_write_input_tokens + b.cache_write_input_tokens,
  reasoning_tokens: a.reasoning_tokens + b.reasoning_tokens,
  unpriced: a.unpriced + b.unpriced,
  uncertain: a.uncertain + b.uncertain
})

const positive = (amount: bigint) => (amount > 0n ? amount : 0n)

/** `perHour`: what is being spent in an hour now, in units of 1e-12 USD. */
const limitOf = (limit: Limit, rows: ReadonlyArray<UsedRow>, owner: Owner, now: number, perHour: bigint) => {
  const counted = countedFor(limit, rows, owner, hourOf(now))
  const [held, spent] = [true, false].map((isHeld) => sumOf(counted.filter((row) => row.held === isHeld)))
  const used = (held ?? 0n) + (spent ?? 0n)
  const end = endOf(limit.window, hourOf(now))
  return {
    limit: limit.name,
    max_usd: usdOf(limit.max),
    spent_usd: usdOf(spent ?? 0n),
    held_usd: usdOf(held ?? 0n),
    remaining_usd: usdOf(positive(limit.max - used)),
    ...(end !== undefined && {
      projected_usd: usdOf(used + (perHour * BigInt(end - now)) / BigInt(hourLength)),
      resets_at: iso(end)
    })
  }
}

/** Sums of equal steps up to the current hour, also of those without any call. */
const seriesOf = (
  hours: ReadonlyArray<Sums & { readonly hour: number }>,
  hour: number,
  { shown, step }: { readonly shown: number; readonly step: number }
) => {
  const first = firstHourOf(step === 1 ? "hour" : "day", hour) - shown + step
  return Array.from({ length: shown / step }, (_, index) => {
    const begins = first + index * step
    const sums = hours
      .filter((each) => each.hour >= begins && each.hour < begins + step)
      .reduce<Sums>(add, none)
    return {
      at: iso(begins * hourLength),
      cost_usd: usdOf(sums.cost),
      calls: sums.calls,
      total_tokens: sums.total_tokens
    }
  })
}

const ownerOf = ({ source, subject }: Principal): Owner => ({ source, principal: subject })

/** The report of the principal, or with `all` of all principals. */
export const report = Effect.fnUntraced(function* (principal: Principal, { all, window }: ReportOptions) {
  const settings = yield* Effect.orDie((yield* ConfigSource).read(section))
  const { read } = yield* Sql
  const now = yield* Clock.currentTimeMillis
  const hour = hourOf(now)
  const me = ownerOf(principal)
  const owner = all ? undefined : me
  const shape = windows[window]
  const since = hour - shape.back(hour)
  const earliest = Math.min(since, hour - shape.shown, firstHourOf("day", hour))
  return yield* read((sql) =>
    Effect.gen(function* () {
      const hours = yield* byHour(sql, earliest, owner)
      const sumSince = (first: number) => hours.filter((each) => each.hour >= first).reduce<Sums>(add, none)
      const recentOf = (whose: Owner | undefined) =>
        Effect.map(costSince(sql, now - Duration.toMillis(measured), whose), ({ cost, tokens }) => ({
          tokens,
          perHour: (cost * BigInt(hourLength)) / BigInt(Duration.toMillis(measured))
        }))
      const recent = yield* recentOf(owner)
      const { perHour } = recent
      const used = yield* usedSince(sql, hour, me)
      // Limits of all principals together are not shown to a single principal.
      const limits = limitsOf(settings, principal).filter(({ isOwn }) => all || isOwn)
      // Limits of the principal are projected by its own burn rate.
      const own = all && limits.some(({ isOwn }) => isOwn) ? yield* recentOf(me) : recent
      const holds = yield* openHolds(sql, owner)
      return {
        timestamp: iso(now),
        scope: all ? ("all" as const) : ("own" as const),
        ...(!all && { principal: principal.subject }),
        window,
        since: iso(since * hourLength),
        totals: {
          hour: usageOf(sumSince(hour)),
          day: usageOf(sumSince(firstHourOf("day", hour))),
          ...(window === "week" && { week: usageOf(sumSince(since)) }),
          ...(window === "month" && { month: usageOf(sumSince(since)) })
        },
        burn_rate: {
          usd_per_hour: usdOf(perHour),
          tokens_per_minute: Math.round(recent.tokens / Duration.toMinutes(measured)),
          measured_minutes: Duration.toMinutes(measured)
        },
        limits: [
          ...(settings.cost_per_request_max === undefined
            ? []
            : [{ limit: "request", max_usd: usdOf(unitsOfNumber(settings.cost_per_request_max)) }]),
          ...limits.map((limit) => limitOf(limit, used, me, now, limit.isOwn ? own.perHour : perHour))
        ],
        holds: holds.map((hold) => ({
          request_id: hold.request_id,
          kind: hold.kind,
          name: hold.name,
          tool: hold.tool,
          principal: hold.principal,
          client: hold.client,
          held_usd: usdOf(hold.amount),
          since: iso(hold.at),
          lease_until: iso(hold.lease_until)
        })),
        models: (yield* byModel(sql, since, owner)).map(({ model, provider, ...sums }) => ({
          provider,
          model,
          ...usageOf(sums)
        })),
        tools: (yield* byTool(sql, since, owner)).map(({ tool, ...sums }) => ({
          tool,
          ...usageOf(sums)
        })),
        principals: (yield* byPrincipal(sql, since, owner)).map(
          ({ client, principal: subject, source, ...sums }) => ({
            principal: subject,
            source,
            client,
            ...usageOf(sums)
          })
        ),
        series: seriesOf(hours, hour, shape)
      }
    })
  )
})
