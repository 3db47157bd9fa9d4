/** Pages of conversations, the most recently used first. */
import type { Conversation, ListOptions } from "./ChatStore.ts"
import type { ConversationLog } from "./ConversationLog.ts"

/** Sorts after every conversation that was used later: `<updated>/<id>`. */
const keyOf = ({ id, updated }: { readonly id: string; readonly updated: string }) => `${updated}/${id}`

export const listPage = (
  logs: ReadonlyArray<ConversationLog>,
  { cursor, limit, search }: ListOptions
): { readonly conversations: ReadonlyArray<Conversation>; readonly next?: string } => {
  const text = search?.toLowerCase()
  const found = logs
    .filter(
      (log) => (cursor === undefined || keyOf(log) < cursor) && (text === undefined || log.contains(text))
    )
    .toSorted((one, other) => (keyOf(one) < keyOf(other) ? 1 : -1))
  const page = found.slice(0, limit)
  const last = page.at(-1)
  return {
    conversations: page.map(({ info }) => info),
    ...(last !== undefined && found.length > limit && { next: keyOf(last) })
  }
}
