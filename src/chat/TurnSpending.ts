/** Tokens and cost of a turn: the sum of the charges of its calls, also of those that failed or were interrupted. */
import { BigDecimal, Effect } from "effect"
import type { ChatEventOf, ChatUsage } from "../../layers/chat/ChatEvent.ts"
import { Calls, type Call } from "../../layers/ledger/Calls.ts"
import { nothing, sum, type Spent } from "../../layers/ledger/Spend.ts"

type Figures = Pick<ChatEventOf<"turn_completed">, "cost_usd" | "model" | "provider" | "uncertain" | "usage">

const noUsage: ChatUsage = {
  input_tokens: 0,
  output_tokens: 0,
  total_tokens: 0,
  cached_input_tokens: 0,
  cache_write_input_tokens: 0,
  reasoning_tokens: 0
}

/** Names of the model that the turn asks, until it has answered. */
type Asked = Pick<Figures, "model" | "provider">

const figuresOf = (spent: Spent, { model, provider }: Asked): Figures => ({
  provider,
  model,
  usage: { ...noUsage, ...spent.usage },
  cost_usd: spent.unpriced === true ? null : BigDecimal.format(spent.usd),
  uncertain: spent.uncertain === true
})

export class TurnSpending {
  #asked: Asked
  #turn = nothing
  #message = nothing

  constructor(asked: Asked) {
    this.#asked = asked
  }

  /** `isMessage`: whether it is a call of the model for the message of the turn that is being made. */
  add(spent: Spent, isMessage: boolean) {
    this.#turn = sum(this.#turn, spent)
    if (!isMessage) return
    this.#message = sum(this.#message, spent)
    const { model, provider } = spent
    if (model !== undefined && provider !== undefined) this.#asked = { model, provider }
  }

  /** The next call of the model is for another message. */
  beginMessage() {
    this.#message = nothing
  }

  /** Of the message so far. */
  get message(): Figures {
    return figuresOf(this.#message, this.#asked)
  }

  /** Of the turn so far; provider and model are those of its last message. */
  get turn(): Figures {
    return figuresOf(this.#turn, this.#asked)
  }
}

/** Adds the charges of calls to the turns that made them. `begin`: the turn whose calls have this one as an ancestor. */
export const observeTurns = Effect.gen(function* () {
  const turns = new WeakMap<Call, TurnSpending>()
  yield* (yield* Calls).observe({
    finished: (call, { spent }) => {
      if (spent === undefined) return
      for (let { parent } = call; parent !== undefined; { parent } = parent) {
        const turn = turns.get(parent)
        if (turn !== undefined) return turn.add(spent, call.kind === "model" && call.parent === parent)
      }
    }
  })
  return (call: Call, asked: Asked): TurnSpending => {
    const spending = new TurnSpending(asked)
    turns.set(call, spending)
    return spending
  }
})
