/** Money as integers of 1e-12 USD, which both databases add up exactly. */
import { BigDecimal } from "effect"

const places = 12

/** Maximum of one amount, a million USD: sums of amounts must fit into 64 bits. */
export const mostUnits = 10n ** 18n

/** Maximum of a sum. From 2^63 on SQLite would round and PostgreSQL would fail. */
export const mostSum = 9n * mostUnits

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
  const units = scaled(usd)
  return units < mostUnits ? units : mostUnits
}

/** A limit in USD. */
export const unitsOfNumber = (usd: number): bigint =>
  usd >= Number(mostSum) / 10 ** places ? mostSum : scaled(BigDecimal.fromNumberUnsafe(usd))

export const usdOfUnits = (units: bigint): BigDecimal.BigDecimal => BigDecimal.make(units, places)

/** An exact decimal, for people and JSON. */
export const usdOf = (units: bigint): string => BigDecimal.format(usdOfUnits(units))

/** For metrics. */
export const usdNumberOf = (units: bigint): number => Number(units) / 10 ** places
