/** A named part of the configuration: its schema, and the environment variables that stand above it. */
import { Effect, Schema } from "effect"
import * as defaults from "./sectionDefaults.ts"
import type { DecodeServices } from "./DecodeServices.ts"

/**
 * How a variable's text becomes a value: as it is, in lower case (for keywords), as a number, as `true`/`false`
 * (also `1`/`0`, `yes`/`no`, `on`/`off`), or as a list separated by commas. Text that does not fit is left as it is,
 * so that the schema names what it expected. A `path` must be absolute or under `~`: a variable belongs to no folder.
 */
export type Kind = "string" | "path" | "word" | "number" | "boolean" | "list"

export interface Binding<Key extends string = string> {
  /** Where the value goes, from the section's root. */
  readonly path: readonly [Key, ...ReadonlyArray<string>]
  readonly kind: Kind
}

export interface Section<out A> {
  readonly name: string
  readonly schema: Schema.Decoder<A, DecodeServices>
  /** By variable name. A variable that is empty counts as not set. */
  readonly env: Readonly<Record<string, Binding>>
  /** What the section is about, for a person who writes one; empty when nobody said. */
  readonly description: string
  /** Other names in the file, whose keys mean the same as this section's. */
  readonly aliases: ReadonlyArray<string>
  /** Renamed keys, old path → new path (`retry.longest_delay` → `retry.max_delay`): the error for an old key names the new one. */
  readonly renamed: Readonly<Record<string, string>>
}

/**
 * A key with a documented default, given as it would be written. (`Schema.withDecodingDefaultKey` would check what is
 * written before it decodes it, and so hide some of the problems behind others.)
 */
export const optional = <S extends Schema.Top>(schema: S, value: S["Encoded"], description: string) => {
  const annotations = { description, default: value }
  const key = schema.pipe(
    Schema.withDecodingDefaultTypeKey(Effect.suspend(() => Schema.decodeEffect(schema)(value))),
    // Of a schema that is not known yet, the type of the encoded side cannot be told.
    Schema.annotateEncoded(annotations as { readonly description: string })
  )
  defaults.remember(key, { schema, value })
  return key
}

interface Options<Key extends string> {
  readonly env?: Readonly<Record<string, Binding<Key>>>
  readonly description?: string
  readonly aliases?: ReadonlyArray<string>
  readonly renamed?: Readonly<Record<string, string>>
}

/**
 * Declares a section. Keys are snake_case. A key with a documented default is `optional`; one without is required as
 * soon as the section is present.
 */
export const make = <
  Fields extends Schema.Struct.Fields,
  S extends Schema.Struct<Fields> & Schema.Decoder<unknown, DecodeServices>
>(
  name: string,
  schema: S & Schema.Struct<Fields>,
  options: Options<keyof Fields & string> = {}
): Section<S["Type"]> => ({ ...about(name, options), schema })

/** The same for a section that most starts never mention: its schema is made when it is first needed. */
export const deferred = <
  Fields extends Schema.Struct.Fields,
  S extends Schema.Struct<Fields> & Schema.Decoder<unknown, DecodeServices>
>(
  name: string,
  schema: () => S & Schema.Struct<Fields>,
  options: Options<keyof Fields & string> = {}
): Section<S["Type"]> => {
  let made: S | undefined
  return {
    ...about(name, options),
    get schema() {
      return (made ??= schema())
    }
  }
}

/** A section whose keys are names of the user's own, each with a value of the same shape. */
export const record = <S extends Schema.Decoder<unknown, DecodeServices>>(
  name: string,
  value: () => S,
  options: Omit<Options<string>, "env"> = {}
): Section<Readonly<Record<string, S["Type"]>>> => {
  let made: Schema.Decoder<Readonly<Record<string, S["Type"]>>, DecodeServices> | undefined
  return {
    ...about(name, options),
    get schema() {
      return (made ??= Schema.Record(Schema.String, value()))
    }
  }
}

const about = (
  name: string,
  { aliases = [], description = "", env = {}, renamed = {} }: Options<string>
) => ({ name, env, description, aliases, renamed })
