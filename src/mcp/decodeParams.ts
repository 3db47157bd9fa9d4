/**
 * Decodes the params of the requests that the catalog answers: one sentence with the path for what is wrong. Members that
 * are `null`, and `_meta`, are the transport's (`layers/transports/normalizeMessage.ts`, `jsonRpc.ts`).
 */
import { Effect, Exit, Schema, SchemaIssue } from "effect"
import { isObject } from "../domain/JsonObject.ts"
import { Level } from "../catalog/Client.ts"
import { cut } from "../catalog/schemaIssues.ts"
import { invalidParams } from "../domain/errorCodes.ts"
import type { Failure } from "../domain/Failure.ts"

const optional = Schema.optionalKey
const texts = Schema.Record(Schema.String, Schema.String)

/** Longer ones, in characters, name no resource; a subscription would keep them. */
const longestUri = 8192
const Uri = Schema.String.check(
  Schema.makeFilter((uri) => uri.length <= longestUri || `must have at most ${longestUri} characters`)
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

const decoder = <Name extends keyof Schemas>(name: Name) => {
  type Decode = (input: unknown) => Exit.Exit<Params<Name>, Schema.SchemaError>
  let decode: Decode | undefined
  return (params: unknown): Params<Name> | Failure => {
    // Made when the first request needs it: a start needs none. One schema per name, whose type the union hides.
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

/** By hand where there is nothing to complain of, because most requests are such. */
export const call = (params: unknown): Params<"call"> | Failure => {
  if (isObject(params) && typeof params.name === "string") {
    const { arguments: given, name } = params
    if (given === undefined) return { name }
    if (isObject(given)) return { name, arguments: given }
  }
  return checkedCall(params)
}
