/** Tokens and cost of all model calls of a turn. */
import { BigDecimal, Option } from "effect"
import type { ChatEventOf, ChatUsage } from "../../layers/chat/ChatEvent.ts"
import type { Message } from "./askModel.ts"

const none: ChatUsage = {
  input_tokens: 0,
  output_tokens: 0,
  total_tokens: 0,
  cached_input_tokens: 0,
  cache_write_input_tokens: 0,
  reasoning_tokens: 0
}

const add = (one: ChatUsage, other: ChatUsage): ChatUsage => ({
  input_tokens: one.input_tokens + other.input_tokens,
  output_tokens: one.output_tokens + other.output_tokens,
  total_tokens: one.total_tokens + other.total_tokens,
  cached_input_tokens: one.cached_input_tokens + other.cached_input_tokens,
  cache_write_input_tokens: one.cache_write_input_tokens + other.cache_write_input_tokens,
  reasoning_tokens: one.reasoning_tokens + other.reasoning_tokens
})

/** Null if one of the prices is unknown. */
const addCost = (one: string | null, other: string | null): string | null => {
  if (one === null || other === null) return null
  const [a, b] = [BigDecimal.fromString(one), BigDecimal.fromString(other)]
  return Option.isSome(a) && Option.isSome(b) ? BigDecimal.format(BigDecimal.sum(a.value, b.value)) : null
}

type Totals = Pick<ChatEventOf<"turn_completed">, "cost_usd" | "model" | "provider" | "uncertain" | "usage">

/** Provider and model are those of the last call. */
export const totals = (messages: ReadonlyArray<Message>): Totals => ({
  provider: messages.at(-1)?.provider ?? "",
  model: messages.at(-1)?.model ?? "",
  usage: messages.reduce((sum, { usage }) => add(sum, usage), none),
  cost_usd: messages.reduce<string | null>((sum, { cost_usd }) => addCost(sum, cost_usd), "0"),
  uncertain: messages.some(({ uncertain }) => uncertain)
})
