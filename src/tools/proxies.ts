/** Publishes applications by host name through the reverse proxy, for administrators. */
import { Effect, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import {
  NewProxy,
  ProxiesUnavailable,
  Proxy,
  ProxyDeletion,
  ProxyError,
  ProxyUpdate,
  Undo,
  Undone
} from "../../layers/edge/proxies/Proxy.ts"
import { ProxyTable } from "../../layers/edge/ProxyTable.ts"
import { Caller } from "../catalog/Caller.ts"
import { ToolPolicy } from "../domain/Policy.ts"

const usualPage = 100
const largestPage = 1000

const failure = Schema.Union([ProxyError, ProxiesUnavailable])
const policy = { scopes: ["admin"] }

const ListProxies = Tool.make("list_proxies", {
  description: "List the applications that are published through the reverse proxy, by host name.",
  parameters: Schema.Struct({
    limit: Schema.optionalKey(
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: largestPage })).annotate({
        description: `Maximum number of applications. Default: ${usualPage}.`
      })
    ),
    cursor: Schema.optionalKey(
      Schema.String.check(Schema.isMaxLength(255)).annotate({
        description: "next_cursor of the page before. Absent: the first page."
      })
    )
  }),
  success: Schema.Struct({
    proxies: Schema.Array(Proxy),
    total: Schema.Int.annotate({ description: "Number of all published applications." }),
    next_cursor: Schema.optionalKey(Schema.String)
  }),
  failure
})
  .annotate(Tool.Title, "List published applications")
  .annotate(Tool.Readonly, true)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, true)
  .annotate(Tool.OpenWorld, false)
  .annotate(ToolPolicy, policy)

const CreateProxy = Tool.make("create_proxy", {
  description:
    "Publish an application under a host name, such as http://localhost:3000 as app.example.com. It is served at once: HTTP, event streams and WebSockets. Set protect to require a sign-in.",
  parameters: NewProxy,
  success: Proxy,
  failure,
  dependencies: [Caller]
})
  .annotate(Tool.Title, "Publish an application")
  .annotate(Tool.Readonly, false)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, false)
  .annotate(Tool.OpenWorld, false)
  .annotate(ToolPolicy, policy)

const UpdateProxy = Tool.make("update_proxy", {
  description:
    "Replace the target and all options of a published application. Options that are absent get their defaults. Pass the revision that you saw, so that a change by another administrator is not overwritten.",
  parameters: ProxyUpdate,
  success: Proxy,
  failure,
  dependencies: [Caller]
})
  .annotate(Tool.Title, "Change a published application")
  .annotate(Tool.Readonly, false)
  .annotate(Tool.Destructive, true)
  .annotate(Tool.Idempotent, true)
  .annotate(Tool.OpenWorld, false)
  .annotate(ToolPolicy, policy)

const DeleteProxy = Tool.make("delete_proxy", {
  description:
    "Stop publishing an application. Its streams and WebSockets end. The result is the entry that was deleted; undo_proxy_change restores it.",
  parameters: ProxyDeletion,
  success: Proxy,
  failure,
  dependencies: [Caller]
})
  .annotate(Tool.Title, "Stop publishing an application")
  .annotate(Tool.Readonly, false)
  .annotate(Tool.Destructive, true)
  .annotate(Tool.Idempotent, false)
  .annotate(Tool.OpenWorld, false)
  .annotate(ToolPolicy, policy)

const UndoProxyChange = Tool.make("undo_proxy_change", {
  description:
    "Undo the last change of the published applications that was not undone yet. Call it again to undo the change before.",
  parameters: Undo,
  success: Undone,
  failure,
  dependencies: [Caller]
})
  .annotate(Tool.Title, "Undo a change of published applications")
  .annotate(Tool.Readonly, false)
  .annotate(Tool.Destructive, true)
  .annotate(Tool.Idempotent, false)
  .annotate(Tool.OpenWorld, false)
  .annotate(ToolPolicy, policy)

export const toolkit = Toolkit.make(ListProxies, CreateProxy, UpdateProxy, DeleteProxy, UndoProxyChange)
export const layer = toolkit.toLayer(
  Effect.map(ProxyTable, (table) =>
    toolkit.of({
      list_proxies: ({ cursor, limit = usualPage }) =>
        Effect.map(table.list({ cursor, limit }), ({ next, proxies, total }) => ({
          proxies,
          total,
          ...(next !== undefined && { next_cursor: next })
        })),
      create_proxy: Effect.fnUntraced(function* (request) {
        return yield* table.create(request, yield* Caller)
      }),
      update_proxy: Effect.fnUntraced(function* (request) {
        return yield* table.update(request, yield* Caller)
      }),
      delete_proxy: Effect.fnUntraced(function* (request) {
        return yield* table.remove(request, yield* Caller)
      }),
      undo_proxy_change: Effect.fnUntraced(function* (request) {
        return yield* table.undo(request, yield* Caller)
      })
    })
  )
)
