/** Catalog entries from `effect/ai` toolkits. Schemas are derived and compiled once, on first use. */
import { Context, Effect, Layer, Option, Schema, Scope } from "effect"
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import { OverBudget } from "../../layers/ledger/Spend.ts"
import { Blocks, text, type Block, type Icon, type ToolOutput } from "../domain/Content.ts"
import { isObject, type JsonObject } from "../domain/JsonObject.ts"
import { lazy } from "../domain/lazy.ts"
import { defaults, ToolPolicy } from "../domain/Policy.ts"
import { Catalog } from "./Catalog.ts"
import type { Contribution } from "./Contribution.ts"
import { InvalidArguments } from "./CatalogError.ts"
import type { CallServices, ToolEntry } from "./Entry.ts"
import { isSmall, issuesOf } from "./schemaIssues.ts"
import { jsonSchema } from "./jsonSchema.ts"
import { toFailed } from "./toFailed.ts"

/** Tool annotation: formats the encoded result as text; absent: JSON. */
export const Shown = Context.Reference<((result: never) => string) | undefined>(
  "manifold/catalog/toolkitEntries/Shown",
  {
    defaultValue: () => undefined
  }
)
/** Tool annotation: additional content blocks from the encoded result, such as resource links. */
export const Linked = Context.Reference<((result: never) => ReadonlyArray<Block>) | undefined>(
  "manifold/catalog/toolkitEntries/Linked",
  { defaultValue: () => undefined }
)
/** Tool annotation: icons for a client's list. */
export const Icons = Context.Reference<ReadonlyArray<Icon>>("manifold/catalog/toolkitEntries/Icons", {
  defaultValue: () => []
})
/** Tool annotation: arguments repeated as `Mcp-Param-*` headers (MCP 2026-07-28), argument name → header name. */
export const ParamHeaders = Context.Reference<Readonly<Record<string, string>>>(
  "manifold/catalog/toolkitEntries/ParamHeaders",
  { defaultValue: () => ({}) }
)

const dialect = "https://json-schema.org/draft/2020-12/schema"
const withParamHeaders = (schema: JsonObject, headers: Readonly<Record<string, string>>): JsonObject => {
  const properties = isObject(schema.properties) ? { ...schema.properties } : {}
  for (const [name, header] of Object.entries(headers)) {
    const property = properties[name]
    if (isObject(property)) properties[name] = { ...property, "x-mcp-header": header }
  }
  return { ...schema, properties }
}

/**
 * Tools of administrators accept only the arguments that they declare: a misspelt option would otherwise be left out of a
 * change without a word, such as the protection of an application.
 */
const isStrict = (tool: Tool.Any): boolean =>
  Context.get(tool.annotations, ToolPolicy).scopes?.includes("admin") ?? false

const inputSchema = (tool: Tool.Any): JsonObject => {
  const headers = Context.get(tool.annotations, ParamHeaders)
  const foreign = Tool.isDynamic(tool) ? tool.jsonSchema : undefined
  // Model providers reject a list of tools in which one has no `properties`.
  const schema = {
    type: "object",
    properties: {},
    ...(foreign ?? jsonSchema(tool.parametersSchema)),
    ...(isStrict(tool) && { additionalProperties: false })
  }
  const annotated = Object.keys(headers).length > 0 ? withParamHeaders(schema, headers) : schema
  return "$schema" in annotated ? annotated : { $schema: dialect, ...annotated }
}

const invalid = (name: string, error: Schema.SchemaError) =>
  new InvalidArguments({ name, issues: issuesOf(error) })

type Decode = (input: unknown) => Effect.Effect<unknown, Schema.SchemaError>

/**
 * Codec from and to the JSON that the tool's JSON Schema describes, where a date is a string. The type of each tool's
 * schema is erased here.
 */
const codec = (schema: Schema.Constraint) => Schema.toCodecJson(schema as Schema.Codec<unknown, unknown>)

const toEntry = (tool: Tool.Any, handler: Tool.Handler<string>): ToolEntry => {
  const { annotations, name } = tool
  const { parametersSchema, successSchema } = tool
  const onExcessProperty = isStrict(tool) ? "error" : "ignore"
  /** Stops at the first issue: a large value may have an issue in each of its parts. */
  const decode = lazy((): Decode =>
    Schema.isSchema(parametersSchema)
      ? Schema.decodeUnknownEffect(codec(parametersSchema), { errors: "first", onExcessProperty })
      : Effect.succeed
  )
  const decodeAll = lazy((): Decode =>
    Schema.isSchema(parametersSchema)
      ? Schema.decodeUnknownEffect(codec(parametersSchema), { errors: "all", onExcessProperty })
      : Effect.succeed
  )
  /** All issues of small arguments, up to a maximum; the first issue of large ones. */
  const explain = (args: unknown, first: Schema.SchemaError): Effect.Effect<never, InvalidArguments> =>
    isSmall(args)
      ? Effect.flatMap(Effect.flip(decodeAll()(args)), (all) => Effect.fail(invalid(name, all))).pipe(
          Effect.mapError((error) => (error instanceof InvalidArguments ? error : invalid(name, first)))
        )
      : Effect.fail(invalid(name, first))
  const encode = lazy((): Decode => Schema.encodeUnknownEffect(codec(successSchema)))
  const show = Context.get(annotations, Shown) as ((result: unknown) => string) | undefined
  const linked = Context.get(annotations, Linked) as ((result: unknown) => ReadonlyArray<Block>) | undefined
  const blocks = successSchema === (Blocks as unknown)
  const input = lazy(() => inputSchema(tool))
  /** Only objects are structured content, because older clients support nothing else. */
  const output = lazy(() => {
    const schema = blocks ? {} : jsonSchema(successSchema)
    return schema.type === "object" ? { $schema: dialect, ...schema } : undefined
  })

  const present = (result: unknown): ToolOutput => {
    if (blocks) return { content: result as ReadonlyArray<Block> }
    if (result === undefined) return { content: [] }
    const shown =
      show !== undefined ? show(result) : typeof result === "string" ? result : JSON.stringify(result)
    const content = [text(shown), ...(linked?.(result) ?? [])]
    return output() !== undefined ? { content, structured: result as JsonObject } : { content }
  }

  const context = { toolCallId: undefined, preliminary: () => Effect.void }
  const call = (args: unknown) =>
    decode()(args ?? {}).pipe(
      Effect.catch((error) => explain(args ?? {}, error)),
      Effect.flatMap((decoded) =>
        // `Met` guarantees that a handler needs only the services of the call.
        Effect.mapError(
          handler.handler(decoded, context) as Effect.Effect<unknown, unknown, CallServices>,
          // Not a failure of the tool: the caller has reached a limit, whose end the error contains.
          (error) => (error instanceof OverBudget ? error : toFailed(name, error))
        )
      ),
      // JSON would turn `undefined` into null.
      Effect.flatMap((result) => (result === undefined ? Effect.undefined : Effect.orDie(encode()(result)))),
      Effect.map(present)
    )

  const title = Option.getOrUndefined(Context.getOption(annotations, Tool.Title))
  const meta = Option.getOrUndefined(Context.getOption(annotations, Tool.Meta))
  const icons = Context.get(annotations, Icons)
  const description = Tool.getDescription(tool)
  return {
    name,
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(icons.length > 0 && { icons }),
    ...(meta !== undefined && { meta }),
    get input() {
      return input()
    },
    get output() {
      return output()
    },
    hints: {
      readOnlyHint: Context.get(annotations, Tool.Readonly),
      destructiveHint: Context.get(annotations, Tool.Destructive),
      idempotentHint: Context.get(annotations, Tool.Idempotent),
      openWorldHint: Context.get(annotations, Tool.OpenWorld)
    },
    policy: { ...defaults, ...Context.get(annotations, ToolPolicy) },
    call
  }
}

type Tools = Record<string, Tool.Any>

/**
 * Handlers run with the services of the call. A handler takes all other services when its layer is built, so that no
 * call has to merge two contexts; a tool that declares another dependency does not compile.
 */
type Met<T extends Tools> = [Tool.HandlerServices<T[keyof T]>] extends [CallServices]
  ? unknown
  : { readonly takeTheseInTheLayer: Exclude<Tool.HandlerServices<T[keyof T]>, CallServices> }

/** The entries of a toolkit whose handlers are in the context. */
export const entries = <T extends Tools>(toolkit: Toolkit.Toolkit<T> & Met<T>) =>
  Effect.map(Effect.context<Tool.HandlersFor<T>>(), (services) =>
    Object.values(toolkit.tools).flatMap((tool) => {
      const handler = Context.getOrUndefined(services, Context.Service<Tool.Handler<string>>(tool.id))
      return handler === undefined ? [] : [toEntry(tool, handler)]
    })
  )

/** Reports whether a tool can be served, now and after each change. */
export type Available<R> = (
  apply: (available: boolean) => Effect.Effect<void>
) => Effect.Effect<void, never, R | Scope.Scope>

/** Adds the toolkit of a tool file, with its handlers, to the catalog while the layer is open and the tool is available. */
export const layer = <T extends Tools, E, R, R2 = never>(module: {
  readonly toolkit: Toolkit.Toolkit<T> & Met<T>
  readonly layer: Layer.Layer<Tool.HandlersFor<T>, E, R>
  readonly available?: Available<R2>
}) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const catalog = yield* Catalog
      const tools = yield* entries(module.toolkit)
      if (module.available === undefined) return yield* catalog.add({ tools })
      let contribution: Contribution | undefined
      const scope = yield* Effect.scope
      yield* module.available((available) =>
        Effect.gen(function* () {
          const now = { tools: available ? tools : [] }
          if (contribution !== undefined) return yield* Effect.asVoid(contribution.replace(now))
          contribution = yield* Scope.provide(catalog.contribute({ owner: "manifold", entries: now }), scope)
        })
      )
    })
  ).pipe(Layer.provide(module.layer))
