/** Chooses the conversations that make room for another one. */
import type { ConversationState } from "./ConversationState.ts"
import type { ChatSettings } from "./section.ts"

export type ChatLimits = Pick<ChatSettings, "max_bytes" | "max_conversations">
type Size = Pick<ConversationState, "bytes" | "id" | "principal" | "running" | "updated">

/** `id`: of the conversation that begins a turn. Undefined: those that do not run are not enough. */
export const roomFor = <State extends Size>(
  principal: string,
  id: string | undefined,
  conversations: Iterable<State>,
  { max_bytes, max_conversations }: ChatLimits
): ReadonlyArray<State> | undefined => {
  const idle: Array<State> = []
  const own = { count: 0, bytes: 0 }
  const all = { count: 0, bytes: 0 }
  let exists = false
  for (const state of conversations) {
    const isOwn = state.principal === principal
    if (state.id === id) exists = true
    else if (state.running === undefined) idle.push(state)
    all.count += 1
    all.bytes += state.bytes
    if (!isOwn) continue
    own.count += 1
    own.bytes += state.bytes
  }
  const added = exists ? 0 : 1
  const isOver = (sum: typeof own, kind: "principal" | "total") =>
    sum.count + added > max_conversations[kind] || sum.bytes >= max_bytes[kind]
  if (!isOver(own, "principal") && !isOver(all, "total")) return []
  idle.sort((one, other) => (one.updated < other.updated ? -1 : 1))
  const victims: Array<State> = []
  for (const state of idle) {
    const isOwn = state.principal === principal
    if (!(isOver(all, "total") || (isOwn && isOver(own, "principal")))) continue
    victims.push(state)
    all.count -= 1
    all.bytes -= state.bytes
    if (!isOwn) continue
    own.count -= 1
    own.bytes -= state.bytes
  }
  return isOver(own, "principal") || isOver(all, "total") ? undefined : victims
}
