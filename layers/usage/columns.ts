/** Schemas of columns as both databases return them: integers as `bigint`, and from PostgreSQL also as `number`. */
import { Effect, Schema, SchemaGetter } from "effect"
import { mostSum } from "./money.ts"

const Integer = Schema.Union([Schema.BigInt, Schema.Finite])

/** An amount of money. */
export const Units = Integer.pipe(
  Schema.decodeTo(Schema.BigInt, {
    decode: SchemaGetter.transform((value: bigint | number) => BigInt(value)),
    encode: SchemaGetter.transform((value: bigint) => value)
  })
)

/** A number below 2^53: a time, an hour, tokens. */
export const Count = Integer.pipe(
  Schema.decodeTo(Schema.Finite, {
    decode: SchemaGetter.transform((value: bigint | number) => Number(value)),
    encode: SchemaGetter.transform((value: number) => value)
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

/** Rows of this program's tables: a row that does not match the schema is a defect. */
export const rowsOf = <S extends Schema.Top & { readonly DecodingServices: never }>(row: S) => {
  const decode = Schema.decodeUnknownEffect(Schema.Array(row))
  return <E, R>(statement: Effect.Effect<ReadonlyArray<unknown>, E, R>) =>
    Effect.flatMap(statement, (rows) => Effect.orDie(decode(rows)))
}
