/** Money as integers of 1e-12 USD, which both databases add up exactly. */
import { BigDecimal } from "effect"

const places = 12

/** The most that one amount can be, a million USD: sums of amounts must fit into 64 bits. */
export const mostUnits = 10n ** 18n

/** The most that a sum can be: sums stay below 2^63, where SQLite would make them inexact and PostgreSQL fail. */
export const mostSum = 9n * mostUnits

/** Rounded up, so that nothing is counted as less than it is. */
const scaled = (usd: BigDecimal.BigDecimal): bigint => {
  const { scale, value } = BigDecimal.normalize(usd)
  if (scale <= places) return value * 10n ** BigInt(places - scale)
  const divisor = 10n ** BigInt(scale - places)
  return (value + divisor - 1n) / divisor
}

/** An amount that is held or spent. */
export const unitsOf = (usd: BigDecimal.BigDecimal): bigint => {
  if (!BigDecimal.isPositive(usd)) return 0n
  // A number of so many digits is not worth the memory.
  if (usd.scale < -places) return mostUnits
  const units = scaled(usd)
  return units < mostUnits ? units : mostUnits
}

/** A limit in USD. */
export const unitsOfNumber = (usd: number): bigint =>
  usd >= Number(mostSum) / 10 ** places ? mostSum : scaled(BigDecimal.fromNumberUnsafe(usd))

export const usdOfUnits = (units: bigint): BigDecimal.BigDecimal => BigDecimal.make(units, places)

/** An exact decimal, as people and JSON have it. */
export const usdOf = (units: bigint): string => BigDecimal.format(usdOfUnits(units))

/** For metrics. */
export const usdNumberOf = (units: bigint): number => Number(units) / 10 ** places
