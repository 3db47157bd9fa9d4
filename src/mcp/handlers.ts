/** The requests of MCP, answered from the catalog. One function per method; the list at the end is what is served. */
import { ProtocolError, ProtocolErrorCode, type CallToolResult } from "@modelcontextprotocol/server"
import { Effect } from "effect"
import type { Catalog, Listing } from "../catalog/Catalog.ts"
import { text } from "../domain/Content.ts"
import { run, type Connection } from "./Exchange.ts"
import { isToolResult, toProtocolError } from "./failures.ts"
import * as wire from "./wire.ts"

/** A connection that may have subscribed to resources; bounded, because each costs memory here. */
export interface Session extends Connection {
  readonly subscriptions: Set<string>
}
const mostSubscriptions = 1000

type Register = (session: Session, catalog: Catalog["Service"]) => void

/** The SDK's result types are the mutable form of ours. */
const mutable = <A>(value: object) => value as A

type ListMethod = "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list"

const list =
  <Entry>(
    method: ListMethod,
    field: string,
    query: (catalog: Catalog["Service"]) => Listing<Entry>,
    convert: (entry: Entry) => object
  ): Register =>
  (session, catalog) =>
    session.server.setRequestHandler(
      method,
      (request, context) =>
        run(
          session,
          context,
          method,
          Effect.map(query(catalog)(session.principal, request.params?.cursor), ({ items, next }) =>
            mutable<never>({ [field]: items.map(convert), ...(next !== undefined && { nextCursor: next }) })
          ),
          toProtocolError
        ) as never
    )

const callTool: Register = (session, catalog) =>
  session.server.setRequestHandler("tools/call", (request, context) => {
    const { arguments: args, name } = request.params
    return run(
      session,
      context,
      `tools/call ${name}`,
      Effect.map(catalog.call(session.principal, name, args), ({ content, structured }) =>
        mutable<CallToolResult>(
          structured === undefined ? { content } : { content, structuredContent: structured }
        )
      ),
      (error) =>
        isToolResult(error)
          ? mutable<CallToolResult>({ content: [text(error.message)], isError: true })
          : toProtocolError(error)
    )
  })

const getPrompt: Register = (session, catalog) =>
  session.server.setRequestHandler("prompts/get", (request, context) => {
    const { arguments: args, name } = request.params
    return run(
      session,
      context,
      `prompts/get ${name}`,
      Effect.map(catalog.get(session.principal, name, args ?? {}), ({ description, messages, meta }) => ({
        ...(description !== undefined && { description }),
        messages,
        ...(meta !== undefined && { _meta: meta })
      })),
      toProtocolError
    ) as never
  })

const readResource: Register = (session, catalog) =>
  session.server.setRequestHandler("resources/read", (request, context) => {
    const { uri } = request.params
    return run(
      session,
      context,
      `resources/read ${uri}`,
      Effect.map(catalog.read(session.principal, uri), ({ contents, meta }) => ({
        contents,
        ...(meta !== undefined && { _meta: meta })
      })),
      toProtocolError
    ) as never
  })

const subscribe: Register = ({ server, subscriptions }) =>
  server.setRequestHandler("resources/subscribe", (request) => {
    if (subscriptions.size >= mostSubscriptions) {
      throw new ProtocolError(
        ProtocolErrorCode.InvalidRequest,
        `This session has ${mostSubscriptions} subscriptions already; unsubscribe from some first.`
      )
    }
    subscriptions.add(request.params.uri)
    return {}
  })

const unsubscribe: Register = ({ server, subscriptions }) =>
  server.setRequestHandler("resources/unsubscribe", (request) => {
    subscriptions.delete(request.params.uri)
    return {}
  })

const complete: Register = (session, catalog) =>
  session.server.setRequestHandler("completion/complete", (request, context) => {
    const { argument, context: given, ref } = request.params
    const target = ref.type === "ref/prompt" ? { prompt: ref.name } : { template: ref.uri }
    return run(
      session,
      context,
      "completion/complete",
      Effect.map(
        catalog.complete(session.principal, {
          target,
          argument: argument.name,
          typed: argument.value,
          given: given?.arguments ?? {}
        }),
        ({ total, values }) => ({ completion: { values, total, hasMore: total > values.length } })
      ),
      toProtocolError
    ) as never
  })

export const handlers: Readonly<Record<string, Register>> = {
  "tools/list": list("tools/list", "tools", (catalog) => catalog.tools, wire.tool),
  "tools/call": callTool,
  "prompts/list": list("prompts/list", "prompts", (catalog) => catalog.prompts, wire.prompt),
  "prompts/get": getPrompt,
  "resources/list": list("resources/list", "resources", (catalog) => catalog.resources, wire.resource),
  "resources/templates/list": list(
    "resources/templates/list",
    "resourceTemplates",
    (catalog) => catalog.templates,
    wire.template
  ),
  "resources/read": readResource,
  "resources/subscribe": subscribe,
  "resources/unsubscribe": unsubscribe,
  "completion/complete": complete
}
