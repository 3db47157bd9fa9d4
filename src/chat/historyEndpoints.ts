/** Endpoints under `/chat` for stored conversations: list, history, export and removal. */
import { Effect } from "effect"
import { json } from "../../layers/http/responses.ts"
import { refusal } from "./ChatRefusal.ts"
import { query, type ChatRequest } from "./ChatRequest.ts"
import type { Conversations } from "./Conversations.ts"
import { toMarkdown } from "./exportConversation.ts"
import { frameOf } from "./frames.ts"

/** Events of a page of the history, and conversations of a page of the list, by default and at most. */
const page = { usual: 100, most: 1000 }

/** A `next_cursor`: the time and the id of a conversation. */
const cursorForm = /^\d{4}-\d\d-\d\dT[\d:.]+Z\/.+$/

/** A conversation in lists and pages. */
const aboutOf = (found: {
  readonly id: string
  readonly title: string
  readonly created: string
  readonly updated: string
  readonly lastSeq: number
  readonly running: { readonly requestId: string } | undefined
}) => ({
  conversation_id: found.id,
  title: found.title,
  created: found.created,
  updated: found.updated,
  last_seq: found.lastSeq,
  running: found.running === undefined ? null : { request_id: found.running.requestId }
})

export const historyEndpoints = (conversations: Conversations["Service"]) => {
  const history = Effect.fnUntraced(function* (request: ChatRequest, id: string) {
    const { principal } = request.grant
    const found = yield* conversations.find(principal, id)
    const limit = yield* query(request, "limit", page.usual, 1, page.most)
    const before = yield* query(request, "before", Number.MAX_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER)
    const events = yield* conversations.read(principal, id, { before, limit })
    return json(200, { ...aboutOf(found), events: events.map(frameOf) })
  })

  const exported = Effect.fnUntraced(function* ({ grant, url }: ChatRequest, id: string) {
    const format = url.searchParams.get("format") ?? "json"
    if (format !== "json" && format !== "md") return yield* refusal(400, "format must be json or md.")
    const found = yield* conversations.find(grant.principal, id)
    const events = yield* conversations.read(grant.principal, id, { limit: Number.MAX_SAFE_INTEGER })
    const name = { "content-disposition": `attachment; filename="conversation-${id}.${format}"` }
    if (format === "json") return json(200, { ...aboutOf(found), events: events.map(frameOf) }, name)
    const type = { "content-type": "text/markdown; charset=utf-8" }
    return new Response(toMarkdown(found, events), { headers: { ...type, ...name } })
  })

  const list = Effect.fnUntraced(function* (request: ChatRequest) {
    const { grant, url } = request
    const limit = yield* query(request, "limit", page.usual, 1, page.most)
    const search = url.searchParams.get("search") ?? undefined
    const cursor = url.searchParams.get("cursor") ?? undefined
    if (cursor !== undefined && !cursorForm.test(cursor)) {
      return yield* refusal(400, "cursor must be the next_cursor of an earlier page.")
    }
    const { conversations: found, next } = yield* conversations.list(grant.principal, {
      limit,
      search,
      cursor
    })
    return json(200, {
      conversations: found.map(aboutOf),
      ...(next !== undefined && { next_cursor: next })
    })
  })

  const remove = Effect.fnUntraced(function* ({ grant }: ChatRequest, id: string) {
    yield* conversations.remove(grant.principal, id)
    return new Response(null, { status: 204 })
  })

  return { exported, history, list, remove }
}
