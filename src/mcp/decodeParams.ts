/**
 * Decodes the params of the catalog's methods. An error is one sentence with the path. The transport handles `null`
 * members and `_meta` (`layers/transports/normalizeMessage.ts`, `jsonRpc.ts`).
 */
import { Effect, Exit, Schema } from "effect"
import { isObject } from "../domain/JsonObject.ts"
import { Level } from "../catalog/Client.ts"
import { cut, formatIssue, segment } from "../catalog/schemaIssues.ts"
import { invalidParams } from "../domain/errorCodes.ts"
import type { Failure } from "../domain/Failure.ts"

const optional = Schema.optionalKey
const texts = Schema.Record(Schema.String, Schema.String)

/** In characters. Bounded, because subscriptions retain URIs. */
const maxUri = 8192
const Uri = Schema.String.check(
  Schema.makeFilter((uri) => uri.length <= maxUri || `must have at most ${maxUri} characters`)
)

const schemas = {
  ping: () => Schema.Struct({}),
  list: () => Schema.Struct({ cursor: optional(Schema.String) }),
  call: () =>
    Schema.Struct({
      name: Schema.String,
      arguments: optional(Schema.Record(Schema.String, Schema.Unknown))
    }),
  prompt: () => Schema.Struct({ name: Schema.String, arguments: optional(texts) }),
  resource: () => Schema.Struct({ uri: Uri }),
  completion: () =>
    Schema.Struct({
      ref: Schema.Union([
        Schema.Struct({ type: Schema.Literal("ref/prompt"), name: Schema.String }),
        Schema.Struct({ type: Schema.Literal("ref/resource"), uri: Schema.String })
      ]),
      argument: Schema.Struct({ name: Schema.String, value: Schema.String }),
      context: optional(Schema.Struct({ arguments: optional(texts) }))
    }),
  level: () => Schema.Struct({ level: Level })
}
type Schemas = typeof schemas
export type Params<Name extends keyof Schemas> = ReturnType<Schemas[Name]>["Type"]

const toFailure = ({ issue }: Schema.SchemaError): Failure => {
  const [first] = formatIssue(issue).issues
  const path = cut(["params", ...(first?.path ?? []).map(segment)].join("."))
  return {
    code: invalidParams,
    status: 400,
    message: `Invalid params: ${path}: ${cut(first?.message ?? "does not match the schema of this method")}`
  }
}

const decoder = <Name extends keyof Schemas>(name: Name) => {
  type Decode = (input: unknown) => Exit.Exit<Params<Name>, Schema.SchemaError>
  let decode: Decode | undefined
  return (params: unknown): Params<Name> | Failure => {
    // Compiled lazily, because a start does not need it. The cast restores the type that the union of schemas hides.
    decode ??= Schema.decodeUnknownExit(schemas[name]() as Schema.Codec<Params<Name>>)
    const exit = decode(params ?? {})
    if (Exit.isSuccess(exit)) return exit.value
    return toFailure(Effect.runSync(Effect.flip(exit)))
  }
}

export const ping = decoder("ping")
export const list = decoder("list")
export const prompt = decoder("prompt")
export const resource = decoder("resource")
export const completion = decoder("completion")
export const level = decoder("level")
const checkedCall = decoder("call")

/** Fast path without a schema for valid params, because most requests are calls. */
export const call = (params: unknown): Params<"call"> | Failure => {
  if (isObject(params) && typeof params.name === "string") {
    const { arguments: given, name } = params
    if (given === undefined) return { name }
    if (isObject(given)) return { name, arguments: given }
  }
  return checkedCall(params)
}
