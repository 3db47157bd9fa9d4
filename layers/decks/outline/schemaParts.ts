/** Parts that the schemas of details and outlines share. */
import { Schema } from "effect"

/** Characters of a text. */
export const mostText = 20_000
export const Text = Schema.String.check(Schema.isMaxLength(mostText))
export const cell = Schema.Union([Text, Schema.Finite])
export const chartKind = Schema.Literals(["column", "bar", "line", "doughnut"])

export const list = <S extends Schema.Top>(item: S, least: number, most: number) =>
  Schema.Array(item).check(Schema.isMinLength(least), Schema.isMaxLength(most))

/** A field that may be absent, with its description. */
export const optional = <S extends Schema.Top>(schema: S, description: string) =>
  Schema.optionalKey(schema.annotate({ description }))

export const values = list(Schema.NullOr(Schema.Finite), 0, 60).annotate({
  description: "One per label; null for a value that is not known."
})
