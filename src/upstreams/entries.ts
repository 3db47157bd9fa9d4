/** Catalog entries of one upstream server: its definitions under their served names. */
import { Effect, Option } from "effect"
import type {
  Complete,
  Entries,
  PromptEntry,
  ResourceEntry,
  TemplateEntry,
  ToolEntry
} from "../catalog/Entry.ts"
import { rawTool } from "../catalog/rawTool.ts"
import { chainOf, withoutChain, type InstanceChain } from "../domain/instanceChain.ts"
import type { JsonObject } from "../domain/JsonObject.ts"
import { scan } from "../mcp/paramHeaders.ts"
import {
  type Decoders,
  decoders,
  toPromptOutput,
  toReadOutput,
  toToolOutput,
  type PromptDefinition,
  type ResourceDefinition,
  type TemplateDefinition,
  type ToolDefinition
} from "./definitions.ts"
import { fromMapped, mapArguments, mapResult, mapTool } from "./mappedUri.ts"
import type { Lists } from "./lists.ts"
import { hasValidMarks, paramHeaders } from "./paramHeaders.ts"
import { servedNames } from "./names.ts"
import type { OpenServer, Source, Target } from "./Source.ts"
import { toFailed } from "./toFailed.ts"

/** `name`: of the entry. */
const opened = ({ open }: Source, name: string) => Effect.mapError(open, toFailed(name))

/** Sends a request of a caller to the server. */
const send = (source: Source, ...request: Parameters<OpenServer["send"]>) =>
  Effect.flatMap(opened(source, request[0].name), (server) => server.send(...request))

const completing =
  (source: Source, target: Target, ref: JsonObject, name: string): Complete =>
  (value, given) =>
    Effect.flatMap(opened(source, target.name), (server) =>
      server.complete(target, ref, { name, value }, given)
    )

/** The result with served URIs: the same object while no URI of the server is mapped. */
const toServedResult = ({ uris }: Source, result: JsonObject): JsonObject => {
  const mapping = uris()
  return mapping === undefined ? result : mapResult(result, mapping)
}

/** Arguments with the server's own URIs. */
const toServerArguments = ({ uris }: Source, args: JsonObject): JsonObject => {
  const mapping = uris()
  return mapping === undefined ? args : mapArguments(args, mapping)
}

const isSame = (one: JsonObject, other: JsonObject) => JSON.stringify(one) === JSON.stringify(other)

/** Reuses the entry of an unchanged definition; removed entries are dropped. */
const reusing = ({ known }: Source) => {
  const before = new Map(known)
  known.clear()
  return <A extends object>(
    kind: string,
    name: string,
    item: JsonObject,
    make: () => A | undefined
  ): A | undefined => {
    const key = `${kind} ${name}`
    const found = before.get(key)
    // The key begins with the kind, so the entry has the kind's type.
    const entry = found !== undefined && isSame(found.item, item) ? (found.entry as A) : make()
    // Of entries with the same name, the first one is served.
    if (entry !== undefined && !known.has(key)) known.set(key, { item, entry })
    return entry
  }
}

/** `_meta` as it is served, and the chain of an entry of another instance. */
const metaOf = (
  _meta: JsonObject | undefined
): { readonly meta?: JsonObject; readonly chain?: InstanceChain } => {
  if (_meta === undefined) return {}
  const [meta, chain] = [withoutChain(_meta), chainOf(_meta)]
  return { ...(meta !== undefined && { meta }), ...(chain !== undefined && { chain }) }
}

const describe = ({
  _meta,
  description,
  icons,
  title
}: Pick<ToolDefinition, "_meta" | "description" | "icons" | "title">) => ({
  ...(title !== undefined && { title }),
  ...(description !== undefined && { description }),
  ...(icons !== undefined && { icons }),
  ...metaOf(_meta)
})

const tool = (source: Source, name: string, definition: ToolDefinition): ToolEntry => {
  const { annotations, inputSchema, name: original, outputSchema } = definition
  const described = describe(definition)
  const target = { name, chain: described.chain }
  const marks = source.overHttp ? scan(inputSchema) : []
  return rawTool(
    {
      ...described,
      name,
      inputSchema,
      ...(outputSchema !== undefined && { outputSchema }),
      ...(annotations !== undefined && { annotations }),
      policy: {
        timeLimit: source.timeLimit,
        dependency: `upstream:${source.server}`,
        retry: "idempotent"
      }
    },
    (given) => {
      const args = toServerArguments(source, given)
      return Effect.flatMap(
        send(source, target, "tools/call", { name: original, arguments: args }, paramHeaders(marks, args)),
        (result) => toToolOutput(name, toServedResult(source, result))
      )
    }
  )
}

const prompt = (source: Source, name: string, definition: PromptDefinition): PromptEntry => {
  const described = describe(definition)
  const target = { name, chain: described.chain }
  return {
    ...described,
    name,
    scopes: ["call"],
    arguments: (definition.arguments ?? []).map((argument) => ({
      ...argument,
      required: argument.required === true,
      complete: completing(source, target, { type: "ref/prompt", name: definition.name }, argument.name)
    })),
    get: (args) =>
      Effect.flatMap(
        send(source, target, "prompts/get", {
          name: definition.name,
          arguments: toServerArguments(source, args)
        }),
        (result) => toPromptOutput(name, toServedResult(source, result))
      )
  }
}

/** `name`: the served URI. */
const read = (source: Source, name: string, uri: string, chain: InstanceChain | undefined) =>
  Effect.flatMap(send(source, { name, chain }, "resources/read", { uri }), (result) =>
    toReadOutput(name, toServedResult(source, result))
  )

/** Subscribes to updates of the resource while the scope is open. */
const subscribe = (source: Source, name: string, uri: string) =>
  Effect.flatMap(opened(source, name), (server) => server.subscribe(name, uri))

/** `name`: the served URI. */
const resource = (
  source: Source,
  name: string,
  { _meta, uri, ...definition }: ResourceDefinition
): ResourceEntry => {
  const described = metaOf(_meta)
  return {
    ...definition,
    ...described,
    uri: name,
    scopes: ["read"],
    read: read(source, name, uri, described.chain),
    subscribe: () => subscribe(source, name, uri)
  }
}

/** The variables of a URI template (RFC 6570), whatever operators it uses. */
const variablesOf = (uriTemplate: string): ReadonlyArray<string> =>
  [...uriTemplate.matchAll(/\{[+#./;?&]?([^{}]*)\}/g)].flatMap(([, names = ""]) =>
    names.split(",").map((name) => name.replace(/[*:].*$/, ""))
  )

/** `name`: the served template. */
const template = (
  source: Source,
  name: string,
  { _meta, ...definition }: TemplateDefinition
): TemplateEntry => {
  const ref = { type: "ref/resource", uri: definition.uriTemplate }
  const described = metaOf(_meta)
  const target = { name, chain: described.chain }
  const isMapped = name !== definition.uriTemplate
  const toServer = (uri: string) => (isMapped ? fromMapped(source.server, uri) : undefined) ?? uri
  return {
    ...definition,
    ...described,
    uriTemplate: name,
    scopes: ["read"],
    complete: Object.fromEntries(
      variablesOf(name).map((variable) => [variable, completing(source, target, ref, variable)])
    ),
    read: (uri) => read(source, uri, toServer(uri), described.chain),
    subscribe: (uri) => subscribe(source, uri, toServer(uri))
  }
}

const nameOf = ({ name }: JsonObject) => String(name)

export interface Served {
  readonly entries: Entries
  /** Definitions that are malformed and therefore not served, for the log. */
  readonly malformed: ReadonlyArray<string>
}

export const entriesOf = (
  source: Source,
  { instructions, prompts, resources, templates, tools }: Lists,
  decode: Decoders = decoders
): Served => {
  const reuse = reusing(source)
  const malformed: Array<string> = []
  /** Entries of the items under their names, those of malformed definitions omitted. */
  const convert = <D, A extends object>(
    kind: string,
    items: ReadonlyArray<JsonObject>,
    names: (item: JsonObject) => string | undefined,
    toDefinition: (item: JsonObject) => Option.Option<D>,
    make: (source: Source, name: string, definition: D) => A
  ): ReadonlyArray<A> =>
    items.flatMap((item) => {
      const name = names(item)
      if (name === undefined) return []
      const entry = reuse(kind, name, item, () =>
        Option.getOrUndefined(Option.map(toDefinition(item), (definition) => make(source, name, definition)))
      )
      if (entry === undefined) malformed.push(`${kind} ${name}`)
      return entry === undefined ? [] : [entry]
    })
  const namesOf = (items: ReadonlyArray<JsonObject>) => {
    const served = servedNames(source, items.map(nameOf))
    return (item: JsonObject) => served.get(nameOf(item))
  }
  /** A tool with invalid marks for headers is not served. */
  const decodeMarked = (item: JsonObject) =>
    Option.filter(decode.tools(item), ({ inputSchema }) => !source.overHttp || hasValidMarks(inputSchema))
  const uris = source.uris()
  const served = tools.filter((item) => source.serves(nameOf(item)))
  const selected = uris === undefined ? served : served.map((item) => mapTool(item, uris))
  const entries: Entries = {
    instructions:
      instructions && source.prefix !== ""
        ? `The names of its tools and prompts begin with ${source.prefix}__.\n\n${instructions}`
        : instructions,
    tools: convert("tool", selected, namesOf(selected), decodeMarked, tool),
    prompts: convert("prompt", prompts, namesOf(prompts), decode.prompts, prompt),
    resources: convert(
      "resource",
      resources,
      ({ uri }) => uris?.toServed(String(uri)) ?? String(uri),
      decode.resources,
      resource
    ),
    templates: convert(
      "resource template",
      templates,
      ({ uriTemplate }) => uris?.template(String(uriTemplate)) ?? String(uriTemplate),
      decode.templates,
      template
    )
  }
  return { entries, malformed }
}
