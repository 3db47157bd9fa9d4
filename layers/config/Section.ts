/** A named part of the configuration: its schema, and the environment variables that stand above it. */
import { Schema, type FileSystem } from "effect"
import type { Environment } from "../platform/Environment.ts"

/**
 * How a variable's text becomes a value: as it is, in lower case (for keywords), as a number, as `true`/`false`
 * (also `1`/`0`, `yes`/`no`, `on`/`off`), or as a list separated by commas. Text that does not fit is left as it is,
 * so that the schema names what it expected.
 */
export type Kind = "string" | "word" | "number" | "boolean" | "list"

export interface Binding<Key extends string = string> {
  /** Where the value goes, from the section's root. */
  readonly path: readonly [Key, ...ReadonlyArray<string>]
  readonly kind: Kind
}

/** What decoding may ask for: secrets are read from variables and files. */
export type Sources = Environment | FileSystem.FileSystem

export interface Section<out A> {
  readonly name: string
  readonly schema: Schema.Decoder<A, Sources>
  /** By variable name. A variable that is empty counts as not set. */
  readonly env: Readonly<Record<string, Binding>>
  /** Other names in the file, whose keys mean the same as this section's. */
  readonly aliases: ReadonlyArray<string>
}

/**
 * A key with a documented default, given as it would be written. (`Schema.withDecodingDefaultKey` would check what is
 * written before it decodes it, and so hide some of the problems behind others.)
 */
export const optional = <S extends Schema.Top>(schema: S, value: S["Encoded"], description: string) =>
  schema.pipe(
    Schema.withDecodingDefaultTypeKey(Schema.decodeEffect(schema)(value)),
    Schema.annotateEncoded({ description })
  )

/**
 * Declares a section. Keys are snake_case. A key with a documented default is `optional`; one without is required as
 * soon as the section is present.
 */
export const make = <
  Fields extends Schema.Struct.Fields,
  S extends Schema.Struct<Fields> & Schema.Decoder<unknown, Sources>
>(
  name: string,
  schema: S & Schema.Struct<Fields>,
  options: {
    readonly env?: Readonly<Record<string, Binding<keyof Fields & string>>>
    readonly aliases?: ReadonlyArray<string>
  } = {}
): Section<S["Type"]> => ({ name, schema, env: options.env ?? {}, aliases: options.aliases ?? [] })
