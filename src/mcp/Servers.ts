/** Makes MCP servers from the catalog: the bridge between the spine and the official SDK, for both protocol eras. */
import {
  InMemoryServerEventBus,
  Server,
  type jsonSchemaValidator,
  type ServerEvent,
  type ServerOptions
} from "@modelcontextprotocol/server"
import { Effect, Layer } from "effect"
import { Ids } from "../../layers/platform/Ids.ts"
import { McpServers } from "../../layers/transports/McpServers.ts"
import { Catalog } from "../catalog/Catalog.ts"
import type { Change } from "../catalog/Change.ts"
import type { Principal } from "../domain/Principal.ts"
import { program } from "../domain/version.ts"
import { handlers, type Session } from "./handlers.ts"
import { refuse } from "./paramHeaders.ts"
import { RequestState } from "./RequestState.ts"

const capabilities = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  completions: {},
  logging: {}
}

/** How long clients may keep answers, in milliseconds; lists differ by principal, and changes are announced. */
const listed = { ttlMs: 60_000, cacheScope: "private" } as const
const cacheHints = {
  "tools/list": listed,
  "prompts/list": listed,
  "resources/list": listed,
  "resources/templates/list": listed,
  "resources/read": { ttlMs: 0, cacheScope: "private" }
} as const

/** Handlers decode answers with their own schemas, so the SDK's validator is never asked. */
const unusedValidator: jsonSchemaValidator = {
  getValidator: () => {
    throw new Error("Schemas are checked by the handlers.")
  }
}

const toEvent = (change: Change): ServerEvent =>
  change.kind === "resource"
    ? { kind: "resource_updated", uri: change.uri }
    : { kind: `${change.kind}_list_changed` }

const announce = ({ server, subscriptions }: Session, change: Change): Promise<void> => {
  switch (change.kind) {
    case "tools":
      return server.sendToolListChanged()
    case "prompts":
      return server.sendPromptListChanged()
    case "resources":
      return server.sendResourceListChanged()
    case "resource":
      // A stateless connection subscribes elsewhere (`subscriptions/listen`), where the SDK filters.
      return subscriptions.has(change.uri) || server.getNegotiatedProtocolVersion() === "2026-07-28"
        ? server.sendResourceUpdated({ uri: change.uri })
        : Promise.resolve()
  }
}

export const layer = Layer.effect(
  McpServers,
  Effect.gen(function* () {
    const catalog = yield* Catalog
    const ids = yield* Ids
    const states = yield* RequestState
    const services = yield* Effect.context<never>()
    const bus = new InMemoryServerEventBus()
    const live = new Set<Session>()

    const make = (principal: Principal): Session => {
      const options: ServerOptions = {
        capabilities,
        cacheHints,
        jsonSchemaValidator: unusedValidator,
        requestState: { verify: (text) => states.codec(principal).verify(text) }
      }
      const server = new Server(program, options)
      return { server, principal, services, states, newId: ids.nextUnsafe, subscriptions: new Set() }
    }
    const serve = (session: Session, method: string) => handlers[method]?.(session, catalog)

    yield* catalog.watch((change) => {
      bus.publish(toEvent(change))
      for (const session of live) {
        // A connection that closes meanwhile has nobody left to tell.
        if (session.server.transport !== undefined) announce(session, change).catch(() => {})
      }
    })

    return McpServers.of({
      capabilities,
      bus,
      forConnection: (principal) => {
        const session = make(principal)
        for (const method of Object.keys(handlers)) serve(session, method)
        live.add(session)
        session.server.onclose = () => live.delete(session)
        return session.server
      },
      forRequest: (principal, method) => {
        const session = make(principal)
        serve(session, method)
        return session.server
      },
      refuse: (principal, message, headers) => {
        const { method, params } = message as {
          method?: unknown
          params?: { name?: unknown; arguments?: unknown }
        }
        if (method !== "tools/call" || typeof params?.name !== "string") return undefined
        const entry = Effect.runSyncWith(services)(catalog.tool(principal, params.name))
        return entry && refuse(entry, params.arguments, headers)
      }
    })
  })
)
