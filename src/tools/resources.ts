/** Lists and reads the resources of the catalog, for clients and models that have tools only. */
import { Effect, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { Caller } from "../catalog/Caller.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { Client } from "../catalog/Client.ts"
import { Blocks, type Block } from "../domain/Content.ts"

const optional = Schema.optionalKey(Schema.String)
const Resource = Schema.Struct({
  uri: Schema.String,
  name: Schema.String,
  title: optional,
  description: optional,
  mimeType: optional
})
const Template = Schema.Struct({
  uriTemplate: Schema.String,
  name: Schema.String,
  title: optional,
  description: optional,
  mimeType: optional
})

const ListResources = Tool.make("list_resources", {
  description:
    "List the resources of this server and of the servers behind it, one page at a time, and on the first page the templates of resource URIs.",
  parameters: Schema.Struct({
    cursor: Schema.optionalKey(
      Schema.String.annotate({ description: "next_cursor of the page before. Absent: the first page." })
    )
  }),
  success: Schema.Struct({
    resources: Schema.Array(Resource),
    templates: Schema.Array(Template),
    next_cursor: optional
  }),
  failure: Schema.Unknown,
  dependencies: [Caller]
})
  .annotate(Tool.Title, "List resources")
  .annotate(Tool.Readonly, true)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, true)
  .annotate(Tool.OpenWorld, false)

const ReadResource = Tool.make("read_resource", {
  description: "Read a resource of this server or of the servers behind it.",
  parameters: Schema.Struct({
    uri: Schema.NonEmptyString.annotate({
      description: "URI from list_resources, or of one of its templates with the variables filled in."
    })
  }),
  success: Blocks,
  failure: Schema.Unknown,
  dependencies: [Caller, Client]
})
  .annotate(Tool.Title, "Read a resource")
  .annotate(Tool.Readonly, true)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, true)
  .annotate(Tool.OpenWorld, true)

const shown = <A extends { readonly name: string }>(
  entry: A & { readonly title?: string; readonly description?: string; readonly mimeType?: string }
) => ({
  name: entry.name,
  ...(entry.title !== undefined && { title: entry.title }),
  ...(entry.description !== undefined && { description: entry.description }),
  ...(entry.mimeType !== undefined && { mimeType: entry.mimeType })
})

export const toolkit = Toolkit.make(ListResources, ReadResource)
export const layer = toolkit.toLayer(
  Effect.map(Catalog, (catalog) =>
    toolkit.of({
      list_resources: Effect.fnUntraced(function* ({ cursor }) {
        const { principal } = yield* Caller
        const { items, next } = yield* catalog.resources(principal, cursor)
        const templates = cursor === undefined ? (yield* catalog.templates(principal)).items : []
        return {
          resources: items.map((entry) => ({ uri: entry.uri, ...shown(entry) })),
          templates: templates.map((entry) => ({ uriTemplate: entry.uriTemplate, ...shown(entry) })),
          ...(next !== undefined && { next_cursor: next })
        }
      }),
      read_resource: Effect.fnUntraced(function* ({ uri }) {
        const { principal } = yield* Caller
        const { contents } = yield* catalog.read(principal, uri)
        return contents.map((resource): Block => ({ type: "resource", resource }))
      })
    })
  )
)
