/** Columns with amounts of money, and SQL that adds them. */
import { Schema, SchemaGetter } from "effect"
import { Integer } from "../storage/rows.ts"
import { mostSum } from "./money.ts"

/** An amount of money. */
export const Units = Integer.pipe(
  Schema.decodeTo(Schema.BigInt, {
    decode: SchemaGetter.transform((value: bigint | number) => BigInt(value)),
    encode: SchemaGetter.transform((value: bigint) => value)
  })
)

/** Parts of an amount that can be added without exceeding 64 bits. */
const part = 10n ** 9n

/** SQL: the sum of amounts in a column, at most `mostSum`; 0 without rows. */
export const sumOfUnits = (column: string): string =>
  `CAST(COALESCE(CASE WHEN SUM(${column} / ${part}) >= ${mostSum / part} THEN ${mostSum}
    ELSE SUM(${column} / ${part}) * ${part} + SUM(${column} % ${part}) END, 0) AS BIGINT)`

/** SQL: the amount that an upsert into a table adds to a column, at most `mostSum`. */
export const addUnits = (table: string, column: string): string =>
  `${column} = CASE WHEN ${table}.${column} > ${mostSum} - excluded.${column} THEN ${mostSum}
    ELSE ${table}.${column} + excluded.${column} END`
