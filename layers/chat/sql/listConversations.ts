/** Pages of a principal's conversations in the database. */
import { Effect } from "effect"
import type { ListOptions } from "../ChatStore.ts"
import { containsText } from "../ConversationLog.ts"
import { listPage } from "../listPage.ts"
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
  return yield* listPage(rows.map(infoOf), options, (id, text) =>
    Effect.map(
      read((db) =>
        eventsOf(db`SELECT event FROM chat_events WHERE conversation = ${id}
          AND type IN ('user_message', 'assistant_message') ORDER BY seq`)
      ),
      (messages) => messages.some((event) => containsText(event, text))
    )
  )
})
