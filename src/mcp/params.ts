/** Decodes the params of the requests that the catalog answers: one sentence with the path for what is wrong. */
import { Effect, Exit, Schema, SchemaIssue } from "effect"
import { isObject } from "../domain/JsonObject.ts"
import { Level } from "../catalog/Client.ts"
import { cut } from "../catalog/issues.ts"
import { invalidParams } from "../domain/errorCodes.ts"
import type { Failure } from "../domain/Failure.ts"

const optional = Schema.optionalKey
const texts = Schema.Record(Schema.String, Schema.String)
const meta = {
  _meta: optional(
    Schema.Struct({
      progressToken: optional(Schema.Union([Schema.String, Schema.Finite])),
      traceparent: optional(Schema.Unknown)
    })
  )
}

/** Longer ones, in characters, name no resource; a subscription would keep them. */
const longestUri = 8192
const Uri = Schema.String.check(
  Schema.makeFilter((uri) => uri.length <= longestUri || `must have at most ${longestUri} characters`)
)

const schemas = {
  ping: () => Schema.Struct(meta),
  list: () => Schema.Struct({ ...meta, cursor: optional(Schema.String) }),
  call: () =>
    Schema.Struct({
      ...meta,
      name: Schema.String,
      arguments: optional(Schema.Record(Schema.String, Schema.Unknown))
    }),
  prompt: () => Schema.Struct({ ...meta, name: Schema.String, arguments: optional(texts) }),
  resource: () => Schema.Struct({ ...meta, uri: Uri }),
  completion: () =>
    Schema.Struct({
      ...meta,
      ref: Schema.Union([
        Schema.Struct({ type: Schema.Literal("ref/prompt"), name: Schema.String }),
        Schema.Struct({ type: Schema.Literal("ref/resource"), uri: Schema.String })
      ]),
      argument: Schema.Struct({ name: Schema.String, value: Schema.String }),
      context: optional(Schema.Struct({ arguments: optional(texts) }))
    }),
  level: () => Schema.Struct({ ...meta, level: Level })
}
type Schemas = typeof schemas
export type Params<Name extends keyof Schemas> = ReturnType<Schemas[Name]>["Type"]

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()
const segment = (part: PropertyKey | { readonly key: PropertyKey }) =>
  String(typeof part === "object" ? part.key : part)

const toFailure = ({ issue }: Schema.SchemaError): Failure => {
  const [first] = formatIssue(issue).issues
  const path = cut(["params", ...(first?.path ?? []).map(segment)].join("."))
  return {
    code: invalidParams,
    status: 400,
    message: `Invalid params: ${path}: ${cut(first?.message ?? "not as this method needs them")}`
  }
}

/** Clients send `null` for what they leave out; the schemas know only absence. */
const withoutNulls = (params: Readonly<Record<string, unknown>>) =>
  Object.values(params).includes(null)
    ? Object.fromEntries(Object.entries(params).filter(([, value]) => value !== null))
    : params

const decoder = <Name extends keyof Schemas>(name: Name) => {
  type Decode = (input: unknown) => Exit.Exit<Params<Name>, Schema.SchemaError>
  let decode: Decode | undefined
  return (params: unknown): Params<Name> | Failure => {
    // Made when the first request needs it: a start needs none. One schema per name, whose type the union hides.
    decode ??= Schema.decodeUnknownExit(schemas[name]() as Schema.Codec<Params<Name>>)
    const exit = decode(isObject(params) ? withoutNulls(params) : (params ?? {}))
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

/** By hand where there is nothing to complain of, because most requests are such. */
export const call = (params: unknown): Params<"call"> | Failure => {
  if (isObject(params) && typeof params.name === "string" && params._meta === undefined) {
    const { arguments: given, name } = params
    if (given === undefined) return { name }
    if (isObject(given)) return { name, arguments: given }
  }
  return checkedCall(params)
}
