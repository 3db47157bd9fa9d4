/** Schemas of columns as both databases return them: integers as `bigint`, and from PostgreSQL also as `number`. */
import { Effect, Schema, SchemaGetter } from "effect"

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

/** Rows of this program's tables: a row that does not match the schema is a defect. */
export const rowsOf = <S extends Schema.Top & { readonly DecodingServices: never }>(row: S) => {
  const decode = Schema.decodeUnknownEffect(Schema.Array(row))
  return <E, R>(statement: Effect.Effect<ReadonlyArray<unknown>, E, R>) =>
    Effect.flatMap(statement, (rows) => Effect.orDie(decode(rows)))
}
