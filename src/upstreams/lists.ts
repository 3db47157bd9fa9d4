/** Reads the lists of an upstream server, all pages of them, within limits. */
import { Effect } from "effect"
import type { Connection } from "../../layers/upstream/Connection.ts"
import { UpstreamError } from "../../layers/upstream/UpstreamError.ts"
import { chainKey, chainOf, isLoop } from "../domain/instanceChain.ts"
import { isObject, type JsonObject } from "../domain/JsonObject.ts"
import { ttlOf } from "./ttlOf.ts"

/** The server's lists, unchanged. */
export interface Lists {
  readonly tools: ReadonlyArray<JsonObject>
  readonly prompts: ReadonlyArray<JsonObject>
  readonly resources: ReadonlyArray<JsonObject>
  readonly templates: ReadonlyArray<JsonObject>
  /** For clients' models: how to use the server. */
  readonly instructions?: string | undefined
}

export const nothing: Lists = { tools: [], prompts: [], resources: [], templates: [] }

/** Other instances list their entries with chains. */
const askForChains = { _meta: { [chainKey]: [] } }

const maxPages = 64
const maxItems = 10_000

const kinds = {
  tools: { method: "tools/list", field: "tools", capability: "tools", key: "name" },
  prompts: { method: "prompts/list", field: "prompts", capability: "prompts", key: "name" },
  resources: { method: "resources/list", field: "resources", capability: "resources", key: "uri" },
  templates: {
    method: "resources/templates/list",
    field: "resourceTemplates",
    capability: "resources",
    key: "uriTemplate"
  }
} as const

/** Reads one list; empty if the server does not have the capability. Items without a name are omitted. */
const list = Effect.fnUntraced(function* (
  server: string,
  connection: Connection,
  kind: keyof typeof kinds,
  meta: JsonObject,
  onTtl: (ttlMs: number) => void
): Effect.fn.Return<ReadonlyArray<JsonObject>, UpstreamError> {
  const { capability, field, key, method } = kinds[kind]
  if (connection.capabilities[capability] === undefined) return []
  const items: Array<JsonObject> = []
  let cursor: string | undefined
  for (let page = 0; page < maxPages; page++) {
    const result = yield* connection.request(method, {
      ...(cursor !== undefined && { cursor }),
      ...meta
    })
    const ttl = ttlOf(result)
    if (ttl !== undefined) onTtl(ttl)
    const found: ReadonlyArray<unknown> = Array.isArray(result[field]) ? result[field] : []
    for (const item of found) if (isObject(item) && typeof item[key] === "string") items.push(item)
    cursor = typeof result.nextCursor === "string" ? result.nextCursor : undefined
    if (cursor === undefined) return items
    if (items.length > maxItems) break
  }
  return yield* new UpstreamError({
    server,
    stage: "list",
    detail: `${method} has more than ${maxPages} pages or ${maxItems} items`,
    unsent: false
  })
})

/** Method not found: a server may offer resources without templates. */
const methodNotFound = -32_601

export type ListName = keyof typeof kinds
export type Ttls = Readonly<Partial<Record<ListName, number>>>

export interface Found {
  readonly lists: Lists
  /** How long each is valid, in milliseconds: the least that the server says of its pages (MCP 2026-07-28); if it says so. */
  readonly ttls: Ttls
  /** Number of entries that came through this service, and are omitted. */
  readonly looped: number
  /** Lists that the server rejected, with its errors. Their items are those of `before`. */
  readonly rejected: ReadonlyMap<ListName, UpstreamError>
}

/** Without entries that came through the instance: two instances that list each other would list them again and again. */
const withoutLoops = (
  { instructions, ...lists }: Lists,
  instance: string
): Pick<Found, "lists" | "looped"> => {
  let looped = 0
  const keep = (items: ReadonlyArray<JsonObject>) =>
    items.filter(({ _meta }) => {
      const isOwn = isLoop(chainOf(_meta) ?? [], instance)
      if (isOwn) looped++
      return !isOwn
    })
  const kept = {
    tools: keep(lists.tools),
    prompts: keep(lists.prompts),
    resources: keep(lists.resources),
    templates: keep(lists.templates)
  }
  // Instructions of such a server contain those of this service.
  return { lists: looped === 0 ? { ...kept, instructions } : kept, looped }
}

/**
 * `instance`: id of this service, whose entries are omitted. Absent: the lists are read as any client reads them. `before`: lists
 * that were read earlier, of which those are used that the server rejects now. Absent, or if it rejects all: fails.
 */
export const readLists = (
  server: string,
  connection: Connection,
  instance: Effect.Effect<string> | undefined,
  before?: Lists
) => {
  const ttls: Partial<Record<ListName, number>> = {}
  const rejected = new Map<ListName, UpstreamError>()
  let hasRead = false
  const read = (kind: ListName) =>
    list(server, connection, kind, instance === undefined ? {} : askForChains, (found) => {
      ttls[kind] = Math.min(found, ttls[kind] ?? found)
    }).pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          if (connection.capabilities[kinds[kind].capability] !== undefined) hasRead = true
        })
      )
    )
  /** The earlier list, if the server rejects this one. */
  const orBefore =
    (kind: ListName) =>
    <R>(reading: Effect.Effect<ReadonlyArray<JsonObject>, UpstreamError, R>) =>
      Effect.catchTag(reading, "UpstreamError", (error) => {
        if (before === undefined || error.code === undefined) return Effect.fail(error)
        rejected.set(kind, error)
        return Effect.succeed(before[kind])
      })
  return Effect.all(
    {
      tools: orBefore("tools")(read("tools")),
      prompts: orBefore("prompts")(read("prompts")),
      resources: orBefore("resources")(read("resources")),
      templates: read("templates").pipe(
        Effect.catchTag("UpstreamError", (error) =>
          error.code === methodNotFound ? Effect.succeed<ReadonlyArray<JsonObject>>([]) : Effect.fail(error)
        ),
        orBefore("templates")
      )
    },
    { concurrency: "unbounded" }
  ).pipe(
    Effect.tap(() => {
      const [error] = rejected.values()
      return error === undefined || hasRead ? Effect.void : Effect.fail(error)
    }),
    Effect.map((lists): Lists => ({ ...lists, instructions: connection.instructions })),
    Effect.flatMap((lists) =>
      instance === undefined
        ? Effect.succeed({ lists, looped: 0 })
        : Effect.map(instance, (id) => withoutLoops(lists, id))
    ),
    Effect.map((found): Found => ({ ...found, ttls, rejected }))
  )
}
