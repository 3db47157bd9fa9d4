/** `/info`: name, version, protocol revisions, transports, public limits and counts. It contains no secrets. */
import { SUPPORTED_PROTOCOL_VERSIONS } from "@modelcontextprotocol/server"
import { Effect, Layer } from "effect"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import { run } from "../../layers/http/runEndpoint.ts"
import { json } from "../../layers/http/responses.ts"
import { Routes } from "../../layers/http/Routes.ts"
import { Channels, channels as channelNames } from "../../layers/events/Channels.ts"
import { McpServers } from "../../layers/transports/McpServers.ts"
import { Sessions } from "../../layers/transports/Sessions.ts"
import { Catalog, type Listing } from "../catalog/Catalog.ts"
import { Identity } from "../domain/Identity.ts"
import type { Principal } from "../domain/Principal.ts"
import { requireReader } from "./requireReader.ts"

/** Newest first. */
const revisions = [...new Set([...SUPPORTED_PROTOCOL_VERSIONS, "2026-07-28"])].toSorted().toReversed()

const transports = [
  { name: "streamable-http", path: "/mcp" },
  { name: "sse", path: "/mcp/sse" },
  { name: "websocket", path: "/mcp/ws" }
]

/** Number of entries visible to the principal. */
const count = Effect.fnUntraced(function* <A>(listing: Listing<A>, principal: Principal) {
  let total = 0
  let cursor: string | undefined
  do {
    const page = yield* listing(principal, cursor)
    total += page.items.length
    cursor = page.next
  } while (cursor !== undefined)
  return total
})

/** `limits`: settings that clients can exceed; units are part of the names. */
export const layer = (limits: Readonly<Record<string, number>>) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const routes = yield* Routes
      const authenticator = yield* Authenticator
      const servers = yield* McpServers
      const catalog = yield* Catalog
      const sessions = yield* Sessions
      const channels = yield* Channels
      const { name, version } = yield* Identity
      const respond = run(yield* Effect.context<never>())

      const describe = Effect.fnUntraced(function* (principal: Principal) {
        return json(200, {
          name,
          version,
          protocol_revisions: revisions,
          transports,
          channels: channelNames,
          capabilities: servers.capabilities,
          limits,
          counts: {
            tools: yield* count(catalog.tools, principal),
            prompts: yield* count(catalog.prompts, principal),
            resources: yield* count(catalog.resources, principal),
            resource_templates: yield* count(catalog.templates, principal),
            sessions: yield* sessions.count,
            clients: yield* channels.active
          }
        })
      })

      yield* routes.add({
        paths: ["/info"],
        fetch: (request, connection) =>
          requireReader(authenticator, request, connection, ({ principal }) =>
            respond(request, Effect.orDie(describe(principal)))
          )
      })
    })
  )
