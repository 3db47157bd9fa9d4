/** MCP methods of the catalog: one definition per method, for every protocol era. */
import type { ResultTypeMap } from "@modelcontextprotocol/server"
import { Effect } from "effect"
import type { Catalog, Listing } from "../catalog/Catalog.ts"
import type { ListPage } from "../catalog/pagination.ts"
import type { CallerServices } from "../catalog/Entry.ts"
import { isToolResult, type CatalogFailure } from "../catalog/catalogFailure.ts"
import { text, type ToolOutput } from "../domain/Content.ts"
import { isFailure, type Failure } from "../domain/Failure.ts"
import { chainOf, type InstanceChain } from "../domain/instanceChain.ts"
import { isObject, type JsonObject } from "../domain/JsonObject.ts"
import { joinJson, withJson } from "../domain/encodedResult.ts"
import { cacheHints } from "./cacheHints.ts"
import type { DeepReadonly } from "./DeepReadonly.ts"
import * as params from "./decodeParams.ts"
import type { RequestContext } from "./RequestContext.ts"
import type { Subscriptions } from "./Subscriptions.ts"
import * as mcpEntries from "./mcpEntries.ts"

export type MethodName = keyof typeof methods & keyof ResultTypeMap

type Results = { readonly [Name in keyof ResultTypeMap]: DeepReadonly<ResultTypeMap[Name]> }

/** Context of a method. */
export interface Served {
  readonly catalog: Catalog["Service"]
  readonly context: RequestContext
  readonly subscriptions: Subscriptions
  /** Id of this service, for clients that are other instances. */
  readonly instance: Effect.Effect<string>
}

/** A request with decoded params. */
export interface Prepared<Result> {
  /** For logs and for the binding of a request state, such as `tools/call echo`. */
  readonly label: string
  readonly run: (served: Served) => Effect.Effect<Result, CatalogFailure, CallerServices>
}

export interface Method<Result> {
  readonly prepare: (params: unknown) => Prepared<Result> | Failure
  /** Converts an error to a result; `undefined`: the error becomes a JSON-RPC error. */
  readonly failed?: (error: CatalogFailure, context: RequestContext) => Result | undefined
}

interface Definition<Params, Result> {
  readonly decode: (params: unknown) => Params | Failure
  readonly label: (params: Params) => string
  readonly run: (params: Params, served: Served) => Effect.Effect<Result, CatalogFailure, CallerServices>
  readonly failed?: Method<Result>["failed"]
}

const define = <Name extends keyof Results, Params extends object>(
  _name: Name,
  { decode, failed, label, run }: Definition<Params, Results[Name]>
): Method<Results[Name]> => ({
  prepare: (given) => {
    const decoded = decode(given)
    return isFailure(decoded) ? decoded : { label: label(decoded), run: (served) => run(decoded, served) }
  },
  ...(failed !== undefined && { failed })
})

interface Chained {
  readonly chain?: InstanceChain
  readonly meta?: JsonObject
}

/** A page of a list. Its entries are encoded once; objects are made of them where a result is not sent as JSON. */
const page = <Field extends string, Entry extends Chained, Converted extends object>(
  field: Field,
  listing: Listing<Entry>,
  { toJson, toObject }: mcpEntries.Form<Entry, Converted>,
  { context, instance }: Served,
  cursor: string | undefined
) => {
  const { principal } = context.inbound
  const moreOf = ({ lifetime = Infinity, next }: ListPage<Entry>) => ({
    ...(next !== undefined && { nextCursor: next }),
    ...cacheHints(context, lifetime)
  })
  type Page = { readonly [Name in Field]: ReadonlyArray<Converted> } & ReturnType<typeof moreOf>
  const asPage = (found: ListPage<Entry>, convert: (entry: Entry) => Converted) => {
    const result = {
      get [field as string]() {
        return found.items.map(convert)
      },
      ...moreOf(found)
    }
    // The accessor has the name and the type of the field.
    return result as Page
  }
  if (chainOf(context.meta) === undefined) {
    return Effect.map(listing(principal, cursor, { sizeOf: (entry) => toJson(entry).length }), (found) =>
      withJson(
        asPage(found, toObject),
        joinJson(`{"${field}":[${found.items.map((entry) => toJson(entry)).join()}]}`, moreOf(found))
      )
    )
  }
  return Effect.flatMap(instance, (id) =>
    // Instances that list each other would wait for each other.
    Effect.map(listing(principal, cursor, { waitFor: "own" }), (found) =>
      asPage(found, (entry) => mcpEntries.withChain(toObject(entry), entry, id))
    )
  )
}

const withMeta = (meta: JsonObject | undefined) => (meta === undefined ? {} : { _meta: meta })

/** Before 2026-07-28, structured content must be an object. */
const toResult = (
  { content, meta, structured }: ToolOutput,
  { stateless }: RequestContext
): Results["tools/call"] =>
  structured === undefined && meta === undefined
    ? { content }
    : {
        content,
        ...(structured !== undefined &&
          // The SDK's type allows only objects, 2026-07-28 any JSON value.
          (stateless || isObject(structured)) && { structuredContent: structured as JsonObject }),
        ...withMeta(meta)
      }

/** The tool's own output, if it failed with one; otherwise its message. */
const toErrorResult = (error: CatalogFailure, context: RequestContext): Results["tools/call"] => {
  const output = error._tag === "Failed" ? error.output : undefined
  return { ...toResult(output ?? { content: [text(error.message)] }, context), isError: true }
}

const listMethods = {
  "tools/list": define("tools/list", {
    decode: params.list,
    label: () => "tools/list",
    run: ({ cursor }, served) =>
      page(
        "tools",
        served.catalog.tools,
        served.context.stateless ? mcpEntries.tool : mcpEntries.sessionTool,
        served,
        cursor
      )
  }),
  "prompts/list": define("prompts/list", {
    decode: params.list,
    label: () => "prompts/list",
    run: ({ cursor }, served) => page("prompts", served.catalog.prompts, mcpEntries.prompt, served, cursor)
  }),
  "resources/list": define("resources/list", {
    decode: params.list,
    label: () => "resources/list",
    run: ({ cursor }, served) =>
      page("resources", served.catalog.resources, mcpEntries.resource, served, cursor)
  }),
  "resources/templates/list": define("resources/templates/list", {
    decode: params.list,
    label: () => "resources/templates/list",
    run: ({ cursor }, served) =>
      page("resourceTemplates", served.catalog.templates, mcpEntries.template, served, cursor)
  })
}

const callMethods = {
  "tools/call": define("tools/call", {
    decode: params.call,
    label: ({ name }) => `tools/call ${name}`,
    run: ({ arguments: args, name }, { catalog, context }) =>
      Effect.map(catalog.call(context.inbound.principal, name, args), (output) => toResult(output, context)),
    failed: (error, context) => (isToolResult(error) ? toErrorResult(error, context) : undefined)
  }),
  "prompts/get": define("prompts/get", {
    decode: params.prompt,
    label: ({ name }) => `prompts/get ${name}`,
    run: ({ arguments: args, name }, { catalog, context }) =>
      Effect.map(
        catalog.get(context.inbound.principal, name, args ?? {}),
        ({ description, messages, meta }) => ({
          ...(description !== undefined && { description }),
          messages,
          ...withMeta(meta)
        })
      )
  }),
  "resources/read": define("resources/read", {
    decode: params.resource,
    label: ({ uri }) => `resources/read ${uri}`,
    run: ({ uri }, { catalog, context }) =>
      Effect.map(catalog.read(context.inbound.principal, uri), ({ contents, lifetime = 0, meta }) => ({
        contents,
        ...withMeta(meta),
        ...cacheHints(context, lifetime)
      }))
  }),
  "completion/complete": define("completion/complete", {
    decode: params.completion,
    label: () => "completion/complete",
    run: ({ argument, context: given, ref }, { catalog, context }) =>
      Effect.map(
        catalog.complete(context.inbound.principal, {
          target: ref.type === "ref/prompt" ? { prompt: ref.name } : { template: ref.uri },
          argument: argument.name,
          typed: argument.value,
          given: given?.arguments ?? {}
        }),
        ({ total, values }) => ({ completion: { values, total, hasMore: total > values.length } })
      )
  })
}

const subscriptionMethods = {
  "resources/subscribe": define("resources/subscribe", {
    decode: params.resource,
    label: ({ uri }) => `resources/subscribe ${uri}`,
    run: ({ uri }, { catalog, context: { inbound }, subscriptions }) =>
      Effect.as(
        Effect.andThen(catalog.meter(inbound.principal), subscriptions.add(inbound.principal, uri)),
        {}
      )
  }),
  "resources/unsubscribe": define("resources/unsubscribe", {
    decode: params.resource,
    label: ({ uri }) => `resources/unsubscribe ${uri}`,
    run: ({ uri }, { subscriptions }) => Effect.as(subscriptions.remove(uri), {})
  })
}

const otherMethods = {
  ping: define("ping", {
    decode: params.ping,
    label: () => "ping",
    run: (_params, { catalog, context }) => Effect.as(catalog.meter(context.inbound.principal), {})
  })
}

export const methods = { ...listMethods, ...callMethods, ...subscriptionMethods, ...otherMethods }
