/** Defaults of absent sections without their decoder, whose compilation is expensive at start. */
import { Effect, Option, Predicate, SchemaAST, Schema } from "effect"
import type { DecodeServices } from "./DecodeServices.ts"

interface Default {
  readonly schema: Schema.Top
  /** In encoded form. */
  readonly value: unknown
}

/** By schema of the key. */
const known = new WeakMap<object, Default>()

export const remember = (key: Schema.Top, value: Default): void => void known.set(key, value)

const isStruct = (schema: unknown): schema is { readonly fields: Schema.Struct.Fields } =>
  Predicate.hasProperty(schema, "fields") && Predicate.isObject(schema.fields)

const isRecord = (schema: unknown): boolean =>
  Predicate.hasProperty(schema, "key") && Predicate.hasProperty(schema, "value")

const isEmpty = (value: unknown): boolean => Predicate.isObject(value) && Object.keys(value).length === 0

/** Whether the encoded value equals the decoded one. */
const isPlain = ({ schema, value }: Default): boolean =>
  isEmpty(value)
    ? Array.isArray(value) || (schema.ast.encoding === undefined && !isStruct(schema))
    : schema.ast.encoding === undefined && !Predicate.isObject(value)

const ofKey = (key: Default): Effect.Effect<Option.Option<unknown>, Schema.SchemaError, DecodeServices> => {
  if (isPlain(key)) return Effect.succeedSome(key.value)
  if (isStruct(key.schema) && isEmpty(key.value)) return of(key.schema)
  // Keys require no more services than their section.
  const decoder = key.schema as Schema.Decoder<unknown, DecodeServices>
  return Effect.asSome(Schema.decodeUnknownEffect(decoder)(key.value))
}

/** The same as decoding `{}`, except that defaults are not checked; none if decoding is required. */
export const of = Effect.fnUntraced(function* (
  schema: unknown
): Effect.fn.Return<Option.Option<unknown>, Schema.SchemaError, DecodeServices> {
  if (isRecord(schema)) return Option.some({})
  if (!isStruct(schema)) return Option.none()
  const settings: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(schema.fields)) {
    const written = known.get(field)
    if (written === undefined) {
      if (SchemaAST.isOptional(field.ast)) continue
      return Option.none()
    }
    const value = yield* ofKey(written)
    if (Option.isNone(value)) return Option.none()
    settings[name] = value.value
  }
  return Option.some(settings)
})
