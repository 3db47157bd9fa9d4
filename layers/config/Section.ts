/** Declares a section of the configuration: schema, description, and environment variables that override it. */
import { Effect, Equal, Option, Schema } from "effect"
import * as defaults from "./sectionDefaults.ts"
import type { DecodeServices } from "./DecodeServices.ts"

/**
 * How a variable is parsed: unchanged, in lower case (keywords), as a number, as `true`/`false` (also `1`/`0`,
 * `yes`/`no`, `on`/`off`), or as a comma-separated list. Text that does not fit is passed to the schema, which reports
 * what it expects. A `path` must be absolute or under `~`, because a variable has no base folder.
 */
export type Kind = "string" | "path" | "word" | "number" | "boolean" | "list"

export interface Binding<Key extends string = string> {
  /** Path of the setting within the section. */
  readonly path: readonly [Key, ...ReadonlyArray<string>]
  readonly kind: Kind
}

export interface Section<out A> {
  readonly name: string
  readonly schema: Schema.Decoder<A, DecodeServices>
  /** By variable name. An empty variable counts as not set. */
  readonly env: Readonly<Record<string, Binding>>
  /** Description for users; may be empty. */
  readonly description: string
  /** Whether the order of its keys matters, so that another order is a change. */
  readonly ordered: boolean
  /** Alternative names of the section. */
  readonly aliases: ReadonlyArray<string>
  /** Renamed keys, old path → new path (`retry.longest_delay` → `retry.max_delay`): the error for an old key names the new one. */
  readonly renamed: Readonly<Record<string, string>>
}

/**
 * A key with a documented default in encoded form. (`Schema.withDecodingDefaultKey` would check the input before decoding
 * it and so hide some problems.)
 */
export const optional = <S extends Schema.Top>(schema: S, value: S["Encoded"], description: string) => {
  const annotations = { description, default: value }
  let decoded: Effect.Effect<S["Type"], Schema.SchemaError, S["DecodingServices"]> | undefined
  const key = schema.pipe(
    // Decoded once: settings are immutable, and a section may have many servers.
    Schema.withDecodingDefaultTypeKey(
      Effect.suspend(
        () =>
          decoded ??
          Effect.tap(Schema.decodeEffect(schema)(value), (settings) =>
            Effect.sync(() => (decoded = Effect.succeed(settings)))
          )
      )
    ),
    // The encoded type of a generic schema is unknown.
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

/** The same with a lazy schema, for sections that most configurations do not set. */
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

/** A section whose keys are names of the user's own, in their order, each with a value of the same shape. */
export const record = <S extends Schema.Decoder<unknown, DecodeServices>>(
  name: string,
  value: () => S,
  options: Omit<Options<string>, "env"> = {}
): Section<Readonly<Record<string, S["Type"]>>> => {
  let made: Schema.Decoder<Readonly<Record<string, S["Type"]>>, DecodeServices> | undefined
  return {
    ...about(name, options),
    ordered: true,
    get schema() {
      return (made ??= Schema.Record(Schema.String, value()))
    }
  }
}

const about = (
  name: string,
  { aliases = [], description = "", env = {}, renamed = {} }: Options<string>
) => ({ name, env, description, aliases, renamed, ordered: false })

const keysOf = (settings: unknown): ReadonlyArray<string> =>
  Option.isOption(settings) ? keysOf(Option.getOrUndefined(settings)) : Object.keys(Object(settings))

/** Whether settings of the section, or options of them, are the same. */
export const isSame = ({ ordered }: Pick<Section<unknown>, "ordered">, one: unknown, other: unknown) =>
  Equal.equals(one, other) && (!ordered || Equal.equals(keysOf(one), keysOf(other)))
