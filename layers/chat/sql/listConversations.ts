/** Pages of a principal's conversations in the database. */
import { Effect } from "effect"
import type { ListOptions } from "../ChatStore.ts"
import { containsText } from "../ConversationLog.ts"
import { keyOf, listPage } from "../listPage.ts"
import type { ChatDatabase } from "./chatDatabase.ts"
import { infoOf, rowsOfPrincipal } from "./conversationRows.ts"
import { eventsOf } from "./eventStatements.ts"
import type { LiveTurns } from "./makeLiveTurns.ts"

export const listConversations = Effect.fnUntraced(function* (
  { read }: ChatDatabase,
  { isDead, settle }: LiveTurns,
  principal: string,
  options: ListOptions
) {
  let rows = yield* read((db) => rowsOfPrincipal(db, principal))
  const dead = rows.filter(isDead)
  if (dead.length > 0) {
    yield* Effect.forEach(dead, ({ id }) => settle(id), { discard: true })
    rows = yield* read((db) => rowsOfPrincipal(db, principal))
  }
  const infos = rows.map(infoOf)
  const { cursor, limit, search } = options
  if (search === undefined) return listPage(infos, options, () => true)
  const text = search.toLowerCase()
  const found = new Set<string>()
  // No more conversations are read than the page needs.
  for (const info of infos.toSorted((one, other) => (keyOf(one) < keyOf(other) ? 1 : -1))) {
    if (found.size > limit) break
    if (cursor !== undefined && keyOf(info) >= cursor) continue
    const messages = yield* read((db) =>
      eventsOf(db`SELECT event FROM chat_events WHERE conversation = ${info.id}
        AND type IN ('user_message', 'assistant_message') ORDER BY seq`)
    )
    if (messages.some((event) => containsText(event, text))) found.add(info.id)
  }
  return listPage(infos, options, (id) => found.has(id))
})
