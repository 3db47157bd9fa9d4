/** Events of a conversation as `ChatStore.read` returns them. */
import type { ReadOptions } from "./ChatStore.ts"
import type { ConversationLog } from "./ConversationLog.ts"

export const pickEvents = (log: ConversationLog, { after = 0, before = Infinity, limit }: ReadOptions) => {
  const events = log.between(after, before)
  if (limit <= 0) return []
  return before === Infinity || after > 0 ? events.slice(0, limit) : events.slice(-limit)
}
