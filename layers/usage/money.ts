/** Money as integers of 1e-12 USD, which both databases add up exactly. */
import { BigDecimal } from "effect"

const places = 12

/** Maximum of one amount, a million USD: sums of amounts must fit into 64 bits. */
export const mostUnits = 10n ** 18n

/**
 * Maximum of a sum, 8 million USD; a larger one counts as this. From 2^63 on SQLite would round or fail and PostgreSQL
 * would fail, also where one amount more is added or subtracted.
 */
export const mostSum = 8n * mostUnits

/** The amount, at most `mostUnits`. */
export const atMost = (units: bigint): bigint => (units < mostUnits ? units : mostUnits)

/** Rounds up, so that no amount is counted too low. */
const scaled = (usd: BigDecimal.BigDecimal): bigint => {
  const { scale, value } = BigDecimal.normalize(usd)
  if (scale <= places) return value * 10n ** BigInt(places - scale)
  const divisor = 10n ** BigInt(scale - places)
  return (value + divisor - 1n) / divisor
}

/** An amount that is held or spent. */
export const unitsOf = (usd: BigDecimal.BigDecimal): bigint => {
  if (!BigDecimal.isPositive(usd)) return 0n
  // Longer numbers are rejected: they need too much memory.
  if (usd.scale < -places) return mostUnits
  return atMost(scaled(usd))
}

/** A limit in USD. */
export const unitsOfNumber = (usd: number): bigint =>
  usd >= Number(mostSum) / 10 ** places ? mostSum : scaled(BigDecimal.fromNumberUnsafe(usd))

export const usdOfUnits = (units: bigint): BigDecimal.BigDecimal => BigDecimal.make(units, places)

/** An exact decimal, for people and JSON. */
export const usdOf = (units: bigint): string => BigDecimal.format(usdOfUnits(units))

/** For metrics. */
export const usdNumberOf = (units: bigint): number => Number(units) / 10 ** places
