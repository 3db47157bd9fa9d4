/** MCP servers of the catalog on the official SDK, for sessions, connections and stateless requests. */
import {
  type Implementation,
  type jsonSchemaValidator,
  type Server,
  type ServerEvent,
  type ServerEventBus,
  type ServerOptions
} from "@modelcontextprotocol/server"
import { Effect, Layer } from "effect"
import { Ids } from "../../layers/platform/Ids.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import { McpServers } from "../../layers/transports/McpServers.ts"
import { Catalog } from "../catalog/Catalog.ts"
import type { Change } from "../catalog/Change.ts"
import { OwnInstance } from "../catalog/OwnInstance.ts"
import { Identity } from "../domain/Identity.ts"
import type { Principal } from "../domain/Principal.ts"
import { CatalogServer } from "./CatalogServer.ts"
import * as paramHeaders from "./paramHeaders.ts"
import type { Program } from "./RequestContext.ts"
import { RequestServer } from "./RequestServer.ts"
import { RequestState } from "./RequestState.ts"
import { register } from "./registerMethods.ts"
import { SessionRequests } from "./SessionRequests.ts"
import { serveRequests } from "./StatelessRequests.ts"
import { Subscriptions } from "./Subscriptions.ts"
import { SuspendedCalls } from "./SuspendedCalls.ts"

const capabilities = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  completions: {},
  logging: {}
}

/** Handlers validate responses with their own schemas, so the SDK's validator is never used. */
const unusedValidator: jsonSchemaValidator = {
  getValidator: () => {
    throw new Error("Handlers validate with their own schemas.")
  }
}

const described = (instructions: string | undefined) => (instructions === undefined ? {} : { instructions })

const toEvent = (change: Change): ServerEvent =>
  change.kind === "resource"
    ? { kind: "resource_updated", uri: change.uri }
    : { kind: `${change.kind}_list_changed` }

/** An open connection, which is notified of changes. */
interface OpenConnection {
  readonly server: Server
  readonly principal: Principal
  readonly subscriptions: Subscriptions
}

const notify = ({ server, subscriptions }: OpenConnection, change: Change): Promise<void> => {
  switch (change.kind) {
    case "tools":
      return server.sendToolListChanged()
    case "prompts":
      return server.sendPromptListChanged()
    case "resources":
      return server.sendResourceListChanged()
    case "resource":
      // Stateless connections subscribe by `subscriptions/listen`, which the SDK filters.
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
    const suspendedCalls = yield* SuspendedCalls
    const quotas = yield* Quotas
    const { id: instance } = yield* OwnInstance
    const { icons, instructions, ...identity } = yield* Identity
    const implementation: Implementation = {
      ...identity,
      ...(icons !== undefined && {
        icons: icons.map(({ sizes, ...icon }) => ({ ...icon, ...(sizes && { sizes: [...sizes] }) }))
      })
    }
    const services = yield* Effect.context<never>()
    const program: Program = { services, states, quotas, newId: ids.nextUnsafe, instance }
    const fork = Effect.runForkWith(services)
    const connections = new Set<OpenConnection>()
    const listeners = new Set<(change: Change) => void>()

    const optionsFor = (principal: Principal): ServerOptions => ({
      capabilities,
      ...described(catalog.instructions(principal, instructions)),
      jsonSchemaValidator: unusedValidator,
      requestState: { verify: (text) => states.codec(principal).verify(text) }
    })
    const make = (principal: Principal) => new CatalogServer(implementation, optionsFor(principal))

    const track = (each: OpenConnection, onClose?: () => void) => {
      connections.add(each)
      each.server.onclose = () => {
        connections.delete(each)
        onClose?.()
        fork(each.subscriptions.end)
      }
    }

    yield* catalog.watch((change) => {
      for (const listener of listeners) listener(change)
      for (const each of connections) {
        if (each.server.transport === undefined || !change.concerns(each.principal)) continue
        // The connection may close meanwhile.
        notify(each, change).catch((error: unknown) =>
          fork(Effect.logDebug("could not notify a client of a change", error))
        )
      }
    })

    const bus = (principal: Principal): ServerEventBus => ({
      // The catalog publishes; the SDK only subscribes.
      publish: () => {},
      subscribe: (listener) => {
        const forward = (change: Change) => {
          if (change.concerns(principal)) listener(toEvent(change))
        }
        listeners.add(forward)
        return () => listeners.delete(forward)
      }
    })

    return McpServers.of({
      capabilities,
      bus,
      forSession: (principal) => {
        const requests = new SessionRequests(program, catalog, make(principal), principal)
        track(requests, requests.end)
        return requests
      },
      forConnection: (principal, inboundOf) => {
        const server = make(principal)
        const subscriptions = new Subscriptions(catalog, quotas)
        track({ server, principal, subscriptions })
        register({ server, program, catalog, subscriptions, suspendedCalls, inboundOf })
        return server
      },
      forRequest: (request) => {
        const server = new RequestServer(implementation, optionsFor(request.principal))
        const subscriptions = new Subscriptions(catalog, quotas)
        const { onRejected } = request
        const inboundOf = () => request
        register(
          { server, program, catalog, subscriptions, suspendedCalls, inboundOf, onRejected },
          request.method
        )
        return server
      },
      serveRequest: serveRequests(
        // None of the methods subscribes.
        { program, catalog, suspendedCalls, subscriptions: new Subscriptions(catalog, quotas) },
        implementation
      ),
      checkHeaders: (principal, message, headers) => {
        const { method, params } = message as {
          method?: unknown
          params?: { name?: unknown; arguments?: unknown }
        }
        if (method !== "tools/call" || typeof params?.name !== "string") return Effect.undefined
        const args = params.arguments
        return Effect.map(
          catalog.tool(principal, params.name),
          (entry) => entry && paramHeaders.check(entry, args, headers)
        )
      }
    })
  })
)
