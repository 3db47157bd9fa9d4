/** Catalog entries of one upstream server: its definitions under their served names; calls are forwarded. */
import { Effect } from "effect"
import type { Reporter } from "../../layers/progress/Progress.ts"
import { Progress } from "../../layers/progress/Progress.ts"
import type { UpstreamError } from "../../layers/upstream/UpstreamError.ts"
import type { Upstream } from "../../layers/upstream/Upstream.ts"
import { Failed } from "../catalog/CatalogError.ts"
import { Client } from "../catalog/Client.ts"
import type {
  Complete,
  Entries,
  PromptEntry,
  ResourceEntry,
  TemplateEntry,
  ToolEntry
} from "../catalog/Entry.ts"
import { rawTool, type RawOutput, type RawTool } from "../catalog/rawTool.ts"
import type { PromptOutput, ReadOutput } from "../domain/Content.ts"
import { isObject, type JsonObject } from "../domain/JsonObject.ts"
import type { Policy } from "../domain/Policy.ts"
import { answering, capabilitiesOf } from "./inputRequest.ts"
import type { Lists } from "./lists.ts"
import { servedNames } from "./names.ts"
import type { RunningRequests } from "./RunningRequests.ts"

export interface Source {
  readonly prefix: string
  readonly upstream: Upstream
  readonly running: RunningRequests
  readonly timeLimit: Policy["timeLimit"]
  /** Whether a tool of that name is served. */
  readonly serves: (tool: string) => boolean
  /** Cache of entries by definition: an unchanged entry stays the same object. */
  readonly known: Map<string, object>
}

/** Reuses the entry of an unchanged definition; removed entries are dropped. */
const remembering = ({ known }: Source) => {
  const before = new Map(known)
  known.clear()
  return <A extends object>(kind: string, name: string, item: JsonObject, make: () => A): A => {
    const key = `${kind} ${name} ${JSON.stringify(item)}`
    // The key begins with the kind, so the entry has the kind's type.
    const entry = (before.get(key) as A | undefined) ?? make()
    known.set(key, entry)
    return entry
  }
}
type Remember = ReturnType<typeof remembering>

/** An error with a JSON-RPC code is the server's response; without a code the server is unreachable. */
const toFailed =
  (name: string) =>
  ({ code, data, message, unsent }: UpstreamError): Failed =>
    new Failed({
      name,
      detail: message,
      reason: code === undefined ? "UpstreamUnavailable" : "UpstreamError",
      ...(code === undefined && unsent && { transient: {} }),
      // Codes of this program are positive.
      ...(code !== undefined && code < 0 && { code, ...(data !== undefined && { data }) })
    })

const onProgress =
  (reporter: Reporter) =>
  (update: {
    readonly progress: number
    readonly total?: number | undefined
    readonly message?: string | undefined
  }) => {
    const { message, progress, total } = update
    Effect.runFork(
      reporter.report({
        progress,
        ...(total !== undefined && { total }),
        ...(message !== undefined && { message })
      })
    )
  }

const send = ({ running, upstream }: Source, name: string, method: string, params: JsonObject) =>
  running.run(
    Effect.gen(function* () {
      const reporter = yield* Progress
      const client = yield* Client
      return yield* upstream.request(method, params, {
        onProgress: onProgress(reporter),
        answer: answering(upstream.name, client),
        capabilities: capabilitiesOf(client)
      })
    }).pipe(Effect.mapError(toFailed(name)))
  )

/** Values of an argument; empty if the server has no completion, or its completion fails. */
const completing =
  ({ upstream }: Source, ref: JsonObject, argument: string): Complete =>
  (typed, given) =>
    Effect.gen(function* () {
      const { capabilities } = yield* upstream.connection
      if (capabilities.completions === undefined) return []
      const { completion } = yield* upstream.request("completion/complete", {
        ref,
        argument: { name: argument, value: typed },
        ...(Object.keys(given).length > 0 && { context: { arguments: given } })
      })
      const values = isObject(completion) && Array.isArray(completion.values) ? completion.values : []
      return values.filter((value) => typeof value === "string")
    }).pipe(Effect.orElseSucceed(() => []))

const nameOf = (item: JsonObject) => String(item.name)

const without = (item: JsonObject, ...names: ReadonlyArray<string>): JsonObject =>
  Object.fromEntries(Object.entries(item).filter(([name]) => !names.includes(name)))

const described = (item: JsonObject) => {
  const { _meta, description, icons, title } = item
  return {
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(icons !== undefined && { icons }),
    ...(_meta !== undefined && { meta: _meta })
  } as Pick<ToolEntry, "description" | "icons" | "meta" | "title">
}

const toOutput = (result: JsonObject): RawOutput => {
  const { _meta, content = [], isError, structuredContent } = result
  return {
    content,
    ...(structuredContent !== undefined && { structured: structuredContent }),
    ...(isError === true && { isError }),
    ...(_meta !== undefined && { meta: _meta })
  } as RawOutput
}

const tool = (source: Source, name: string, item: JsonObject): ToolEntry => {
  const original = nameOf(item)
  const raw = {
    ...described(item),
    name,
    inputSchema: item.inputSchema,
    ...(item.outputSchema !== undefined && { outputSchema: item.outputSchema }),
    ...(item.annotations !== undefined && { annotations: item.annotations }),
    policy: {
      timeLimit: source.timeLimit,
      dependency: `upstream:${source.upstream.name}`,
      retry: "idempotent"
    }
  } as RawTool
  return rawTool(raw, (args) =>
    Effect.map(send(source, name, "tools/call", { name: original, arguments: args }), toOutput)
  )
}

const prompt = (source: Source, name: string, item: JsonObject): PromptEntry => {
  const declared = (item.arguments ?? []) as ReadonlyArray<{
    readonly name: string
    readonly required?: boolean
  }>
  return {
    ...described(item),
    name,
    scopes: ["call"],
    arguments: declared.map((argument) => ({
      ...argument,
      required: argument.required === true,
      complete: completing(source, { type: "ref/prompt", name: nameOf(item) }, argument.name)
    })),
    get: (args) =>
      Effect.map(
        send(source, name, "prompts/get", { name: nameOf(item), arguments: args }),
        ({ _meta, ...rest }) =>
          ({ ...rest, ...(_meta !== undefined && { meta: _meta }) }) as unknown as PromptOutput
      )
  }
}

const read = (source: Source, uri: string) =>
  Effect.map(
    send(source, uri, "resources/read", { uri }),
    ({ _meta, contents = [] }) => ({ contents, ...(_meta !== undefined && { meta: _meta }) }) as ReadOutput
  )

/** Subscribes to updates of the resource while the scope is open. */
const subscribe = ({ upstream }: Source, name: string, uri: string) =>
  Effect.mapError(upstream.subscribe(uri), toFailed(name))

const resource = (source: Source, item: JsonObject): ResourceEntry => {
  const uri = String(item.uri)
  const rest = without(item, "uri", "_meta") as Omit<ResourceEntry, "read" | "scopes" | "uri">
  return {
    ...rest,
    ...described(item),
    uri,
    scopes: ["read"],
    read: read(source, uri),
    subscribe: () => subscribe(source, uri, uri)
  }
}

/** The variables of a URI template (RFC 6570), whatever operators it uses. */
const variablesOf = (uriTemplate: string): ReadonlyArray<string> =>
  [...uriTemplate.matchAll(/\{[+#./;?&]?([^{}]*)\}/g)].flatMap(([, names = ""]) =>
    names.split(",").map((name) => name.replace(/[*:].*$/, ""))
  )

const template = (source: Source, item: JsonObject): TemplateEntry => {
  const rest = without(item, "_meta") as unknown as Omit<TemplateEntry, "read" | "scopes">
  const uriTemplate = String(item.uriTemplate)
  const ref = { type: "ref/resource", uri: uriTemplate }
  return {
    ...rest,
    ...described(item),
    scopes: ["read"],
    complete: Object.fromEntries(
      variablesOf(uriTemplate).map((name) => [name, completing(source, ref, name)])
    ),
    read: (uri) => read(source, uri),
    subscribe: (uri) => subscribe(source, uri, uri)
  }
}

/** Served names of the items, and the items that have one. */
const named = <A>(
  source: Source,
  items: ReadonlyArray<JsonObject>,
  make: (name: string, item: JsonObject) => A
): ReadonlyArray<A> => {
  const names = servedNames(source.prefix, items.map(nameOf))
  return items.flatMap((item) => {
    const name = names.get(nameOf(item))
    return name === undefined ? [] : [make(name, item)]
  })
}

export const entriesOf = (
  source: Source,
  { instructions, prompts, resources, templates, tools }: Lists
): Entries => {
  const remember: Remember = remembering(source)
  return {
    instructions:
      instructions && source.prefix !== ""
        ? `The names of its tools and prompts begin with ${source.prefix}__.\n\n${instructions}`
        : instructions,
    tools: named(
      source,
      tools.filter((item) => source.serves(nameOf(item))),
      (name, item) => remember("tool", name, item, () => tool(source, name, item))
    ),
    prompts: named(source, prompts, (name, item) =>
      remember("prompt", name, item, () => prompt(source, name, item))
    ),
    resources: resources.map((item) =>
      remember("resource", String(item.uri), item, () => resource(source, item))
    ),
    templates: templates.map((item) =>
      remember("template", String(item.uriTemplate), item, () => template(source, item))
    )
  }
}
