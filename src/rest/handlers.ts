/** Handlers of the REST service. */
import { Cause, DateTime, Effect, Layer } from "effect"
import { HttpApiBuilder, HttpApiMiddleware } from "effect/http-api"
import { Audit } from "../../layers/audit/Audit.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { admitted, metered } from "./admission.ts"
import { Access, Api, SchemaErrors } from "./api.ts"
import { recordConnect, recordDisconnect } from "./auditConnections.ts"
import * as calls from "./calls.ts"
import { make, type Client } from "./clients.ts"
import { BadRequest, InternalError, Unauthorized, Unprocessable } from "./errors.ts"
import { Incoming, RestRequest } from "./RestRequest.ts"

const iso = (millis: number) => DateTime.formatIso(DateTime.makeUnsafe(millis))

const metadataOf = ({ createdAt, lastActivity, opened, request }: Client) => ({
  created_at: iso(createdAt),
  transport: request.transport,
  auth_type: request.auth_type ?? "none",
  name: request.name ?? null,
  mcp_url: request.mcp_url ?? null,
  last_activity: iso(lastActivity),
  state: opened?.upstream.now().state ?? ("idle" as const),
  reason: opened?.upstream.now().failure?.detail ?? null
})

const success = "success" as const

export const handlers = HttpApiBuilder.group(
  Api,
  "mcp",
  Effect.fn(function* (group) {
    const clients = yield* make
    const catalog = yield* Catalog
    const audit = yield* Audit

    const listOf = Effect.fnUntraced(function* <const Name extends "tools" | "resources" | "prompts">(
      name: Name,
      id: string
    ) {
      const principal = yield* metered("read", catalog)
      const lists = yield* clients.use(principal, id, calls.lists)
      const items = lists[name]
      return { status: success, client_id: id, count: items.length, items }
    })

    return group.handleAll({
      connect: Effect.fn(function* ({ payload }) {
        const principal = yield* metered("call", catalog)
        const { id, opened } = yield* recordConnect(audit, clients.connect(principal, payload), payload)
        if (opened?.authorizationUrl !== undefined) {
          return {
            status: "authorization_required" as const,
            client_id: id,
            authorization_url: opened.authorizationUrl,
            message: "Open authorization_url in a browser. After the sign-in the connection is ready."
          }
        }
        const { prompts, resources, tools } = yield* clients.use(principal, id, calls.lists)
        return {
          status: "connected" as const,
          client_id: id,
          tools,
          resources,
          prompts,
          message: "Successfully connected to MCP server"
        }
      }),
      listTools: ({ query }) =>
        Effect.map(listOf("tools", query.client_id), ({ items: tools, ...rest }) => ({ ...rest, tools })),
      listResources: ({ query }) =>
        Effect.map(listOf("resources", query.client_id), ({ items: resources, ...rest }) => ({
          ...rest,
          resources
        })),
      listPrompts: ({ query }) =>
        Effect.map(listOf("prompts", query.client_id), ({ items: prompts, ...rest }) => ({
          ...rest,
          prompts
        })),
      callTool: Effect.fn(function* ({ payload }) {
        const principal = yield* admitted("call")
        const { arguments: args, client_id, timeout, tool_name: name } = payload
        return yield* clients.use(principal, client_id, (client) =>
          calls.callTool(client, { name, args: args ?? {}, timeout })
        )
      }),
      readResource: Effect.fn(function* ({ payload }) {
        const principal = yield* admitted("read")
        const { client_id, timeout, uri } = payload
        const content = yield* clients.use(principal, client_id, (client) =>
          calls.readResource(client, { uri, timeout })
        )
        return { status: success, client_id, uri, content }
      }),
      getPrompt: Effect.fn(function* ({ payload }) {
        const principal = yield* admitted("call")
        const { arguments: args, client_id, prompt_name, timeout } = payload
        const content = yield* clients.use(principal, client_id, (client) =>
          calls.getPrompt(client, { name: prompt_name, args: args ?? {}, timeout })
        )
        return { status: success, client_id, prompt_name, content }
      }),
      disconnect: Effect.fn(function* ({ payload: { client_id } }) {
        const principal = yield* metered("call", catalog)
        yield* recordDisconnect(audit, clients.disconnect(principal, client_id), client_id)
        return {
          status: "disconnected" as const,
          client_id,
          message: "Successfully disconnected from MCP server"
        }
      }),
      clients: Effect.fn(function* () {
        const principal = yield* metered("read", catalog)
        const found = yield* clients.list(principal)
        return {
          status: success,
          clients: found.map((client) => ({ client_id: client.id, ...metadataOf(client) })),
          count: found.length
        }
      }),
      client: Effect.fn(function* ({ params: { client_id } }) {
        const principal = yield* metered("read", catalog)
        const client = yield* clients.find(principal, client_id)
        return { status: success, client_id, metadata: metadataOf(client) }
      })
    })
  })
)

/** Describes the problem of a request that does not match the declaration. */
const schemaErrors = HttpApiMiddleware.layerSchemaErrorTransform(SchemaErrors, ({ cause, kind }) => {
  if (kind === "Body" || kind === "ResponseHeaders") return Effect.die(cause)
  const detail = cause.message
  const malformed = detail === "Expected a valid JSON body"
  return Effect.fail(malformed ? new BadRequest({ detail }) : new Unprocessable({ detail }))
})

const defect = (requestId: string) => (cause: unknown) =>
  Effect.logError("a REST request failed", Cause.die(cause)).pipe(
    Effect.annotateLogs({ request_id: requestId }),
    Effect.andThen(
      Effect.fail(
        new InternalError({ detail: `Internal error. See the server log for request id ${requestId}.` })
      )
    )
  )

/** Provides the request, and turns defects into responses of the API's form. */
const access = Layer.succeed(Access, {
  bearer: (response) =>
    Effect.flatMap(Incoming, (request) =>
      request === undefined
        ? Effect.fail(new Unauthorized({ detail: "Unauthorized" }))
        : response.pipe(
            Effect.provideService(RestRequest, request),
            Effect.catchDefect(defect(request.requestId))
          )
    )
})

export const middleware = Layer.merge(schemaErrors, access)
