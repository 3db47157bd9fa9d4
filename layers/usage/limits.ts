/** Limits of a budget, and the check whether an amount would exceed one of them. */
import type { PrincipalLimits } from "../../src/domain/Principal.ts"
import { hourLength } from "./callRow.ts"
import { unitsOfNumber } from "./money.ts"
import type { UsageSettings } from "./section.ts"

export interface Limit {
  /** As `OverBudget` and reports name it, such as `daily` or `principal_daily`. */
  readonly name: string
  /** True: a limit of the principal. False: of all principals together. */
  readonly isOwn: boolean
  readonly window: "hour" | "day" | "total"
  /** In units of 1e-12 USD. */
  readonly max: bigint
}

/** A spent or held amount. Rows for all principals have no source and no principal. */
export interface UsedRow {
  readonly held: boolean
  readonly source: string
  readonly principal: string
  /** -1: the sum of all hours. */
  readonly hour: number
  readonly amount: bigint
}

export interface Owner {
  readonly source: string
  readonly principal: string
}

const windows = [
  ["cost_hourly_max", "hour", "hourly"],
  ["cost_daily_max", "day", "daily"],
  ["cost_total_max", "total", "total"]
] as const

type CostLimits = Omit<PrincipalLimits, "calls_per_minute" | "concurrency">

const limitsIn = (settings: CostLimits, isOwn: boolean): ReadonlyArray<Limit> =>
  windows.flatMap(([key, window, name]) => {
    const max = settings[key]
    if (max === undefined) return []
    return [{ name: isOwn ? `principal_${name}` : name, isOwn, window, max: unitsOfNumber(max) }]
  })

/** The lower limit of each window. */
const lower = (one: CostLimits, other: CostLimits): CostLimits =>
  Object.fromEntries(
    windows.flatMap(([key]) => {
      const max = Math.min(one[key] ?? Infinity, other[key] ?? Infinity)
      return max === Infinity ? [] : [[key, max]]
    })
  )

export interface Limited {
  readonly subject: string
  /** Those of the principal's token. */
  readonly limits?: PrincipalLimits
}

/** The limits that apply to a principal: those of the configuration, and those of its token. */
export const limitsOf = (
  settings: UsageSettings,
  { limits = {}, subject }: Limited
): ReadonlyArray<Limit> => {
  const configured = Object.hasOwn(settings.principals, subject) ? settings.principals[subject] : undefined
  return [...limitsIn(settings, false), ...limitsIn(lower(configured ?? settings.principal, limits), true)]
}

/** Whether calls of the principal are counted: a token may have limits while `usage.enabled` is false. */
export const isCounted = (settings: UsageSettings, { limits }: Limited): boolean =>
  settings.enabled || (limits !== undefined && limitsIn(limits, true).length > 0)

export const firstHourOf = (window: Limit["window"], hour: number): number => {
  if (window === "hour") return hour
  return window === "day" ? hour - (hour % 24) : -1
}

/** When the window of that hour ends, in milliseconds since the epoch. */
export const endOf = (window: Limit["window"], hour: number): number | undefined => {
  if (window === "total") return undefined
  return (firstHourOf(window, hour) + (window === "hour" ? 1 : 24)) * hourLength
}

/**
 * The rows that count for the limit in the window of `hour`. Later hours count as well: setting the clock back
 * does not release spent amounts.
 */
export const countedFor = (
  { isOwn, window }: Pick<Limit, "isOwn" | "window">,
  rows: ReadonlyArray<UsedRow>,
  owner: Owner,
  hour: number
): ReadonlyArray<UsedRow> => {
  const first = firstHourOf(window, hour)
  return rows.filter((row) => {
    const isMine = row.source === owner.source && row.principal === owner.principal
    if (row.held ? isOwn && !isMine : isOwn ? !isMine : row.source !== "") return false
    if (row.hour < 0) return window === "total"
    return window === "total" ? row.held : row.hour >= first
  })
}

export const sumOf = (rows: ReadonlyArray<UsedRow>): bigint =>
  rows.reduce((sum, { amount }) => sum + amount, 0n)

export interface Exceeded {
  readonly limit: string
  /** Milliseconds since the epoch; absent: waiting does not help. */
  readonly resetsAt?: number
}

/** The limit that `more` would exceed, and of several the one that ends last. */
export const exceeded = (
  limits: ReadonlyArray<Limit>,
  rows: ReadonlyArray<UsedRow>,
  owner: Owner,
  hour: number,
  more: bigint
): Exceeded | undefined => {
  let found: Exceeded | undefined
  for (const limit of limits) {
    const counted = countedFor(limit, rows, owner, hour)
    if (sumOf(counted) + more <= limit.max) continue
    // An amount above the whole limit never fits.
    const last = counted.reduce(
      (latest, row) => (row.amount > 0n ? Math.max(latest, row.hour) : latest),
      hour
    )
    const resetsAt = more > limit.max ? undefined : endOf(limit.window, last)
    if (resetsAt === undefined) return { limit: limit.name }
    if (found?.resetsAt === undefined || resetsAt > found.resetsAt) found = { limit: limit.name, resetsAt }
  }
  return found
}
