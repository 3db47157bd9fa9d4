/** Schemas of rows as both databases return them: integers as `bigint`, and from PostgreSQL also as `number`. */
import { Effect, Schema, SchemaGetter } from "effect"

export const Integer = Schema.Union([Schema.BigInt, Schema.Finite])

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

/** PostgreSQL stores neither U+0000 nor half of a surrogate pair; clients choose these texts, so their length is bounded. */
export const storedText = (value = "", most = 256): string =>
  value.length <= most && value.isWellFormed() && !value.includes("\u0000")
    ? value
    : value.slice(0, most).toWellFormed().replaceAll("\u0000", "\uFFFD")
