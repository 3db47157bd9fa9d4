/** Chooses the conversations that make room for another one. */
import type { ConversationState } from "./ConversationState.ts"
import type { ChatSettings } from "./section.ts"

export type ChatLimits = Pick<ChatSettings, "max_bytes" | "max_conversations">
type Owned = Pick<ConversationState, "bytes" | "principal">
type Size = Pick<ConversationState, "bytes" | "id" | "principal" | "running" | "updated">

interface Sum {
  count: number
  bytes: number
}

const adjust = (sum: Sum, count: number, bytes: number) => {
  sum.count += count
  sum.bytes += bytes
}

/** Number and bytes of all conversations, and of those of each principal. */
export class ConversationSums {
  readonly #own = new Map<string, Sum>()
  readonly all: Sum = { count: 0, bytes: 0 }

  of(principal: string): Readonly<Sum> {
    return this.#own.get(principal) ?? { count: 0, bytes: 0 }
  }

  add({ bytes, principal }: Owned) {
    this.#adjust(principal, 1, bytes)
  }

  remove({ bytes, principal }: Owned) {
    this.#adjust(principal, -1, -bytes)
  }

  /** It had this principal and size before. */
  change(now: Owned, principal: string, bytes: number) {
    if (now.principal === principal) this.#adjust(principal, 0, now.bytes - bytes)
    else {
      this.remove({ principal, bytes })
      this.add(now)
    }
  }

  #adjust(principal: string, count: number, bytes: number) {
    adjust(this.all, count, bytes)
    const own = this.#own.get(principal)
    if (own === undefined) {
      this.#own.set(principal, { count, bytes })
      return
    }
    adjust(own, count, bytes)
    if (own.count === 0) this.#own.delete(principal)
  }

  clear() {
    this.#own.clear()
    adjust(this.all, -this.all.count, -this.all.bytes)
  }
}

export interface Room<State> {
  readonly principal: string
  /** Id of the conversation that begins a turn; undefined: it is a new one. */
  readonly id: string | undefined
  readonly isNew: boolean
  readonly sums: ConversationSums
  /** All; read only if there is not enough room. */
  readonly conversations: () => Iterable<State>
}

/** Undefined: the conversations that do not run are not enough. */
export const roomFor = <State extends Size>(
  { conversations, id, isNew, principal, sums }: Room<State>,
  { max_bytes, max_conversations }: ChatLimits
): ReadonlyArray<State> | undefined => {
  const own = { ...sums.of(principal) }
  const all = { ...sums.all }
  const added = isNew ? 1 : 0
  const isOver = (sum: Sum, kind: "principal" | "total") =>
    sum.count + added > max_conversations[kind] || sum.bytes >= max_bytes[kind]
  if (!isOver(own, "principal") && !isOver(all, "total")) return []
  const idle = [...conversations()].filter((state) => state.running === undefined && state.id !== id)
  idle.sort((one, other) => (one.updated < other.updated ? -1 : 1))
  const victims: Array<State> = []
  for (const state of idle) {
    const isOwn = state.principal === principal
    if (!(isOver(all, "total") || (isOwn && isOver(own, "principal")))) continue
    victims.push(state)
    adjust(all, -1, -state.bytes)
    if (isOwn) adjust(own, -1, -state.bytes)
  }
  return isOver(own, "principal") || isOver(all, "total") ? undefined : victims
}
