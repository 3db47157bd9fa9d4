/** Pages of conversations, the most recently used first. */
import { Effect } from "effect"
import type { ChatStoreError, Conversation, ListOptions } from "./ChatStore.ts"

/** Sorts after every conversation that was used later: `<updated>/<id>`. */
export const keyOf = ({ id, updated }: { readonly id: string; readonly updated: string }) =>
  `${updated}/${id}`

export interface Page {
  readonly conversations: ReadonlyArray<Conversation>
  readonly next?: string
}

/** `contains`: whether a message of the conversation contains the text, in lower case. */
export const listPage = Effect.fnUntraced(function* (
  all: ReadonlyArray<Conversation>,
  { cursor, limit, search }: ListOptions,
  contains: (id: string, text: string) => Effect.Effect<boolean, ChatStoreError>
): Effect.fn.Return<Page, ChatStoreError> {
  const text = search?.toLowerCase()
  const sorted = all
    .filter((info) => cursor === undefined || keyOf(info) < cursor)
    .toSorted((one, other) => (keyOf(one) < keyOf(other) ? 1 : -1))
  const conversations: Array<Conversation> = []
  for (const info of sorted) {
    if (text !== undefined && !(yield* contains(info.id, text))) continue
    const last = conversations.at(-1)
    if (last !== undefined && conversations.length >= limit) return { conversations, next: keyOf(last) }
    conversations.push(info)
  }
  return { conversations }
})
