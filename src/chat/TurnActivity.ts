/** Activity of a turn: one that only waits must not delay the end of the service. */
import type { Clock } from "effect"
import type { ChatEventBody } from "../../layers/chat/ChatEvent.ts"
import { monotonicMillis } from "../../layers/platform/monotonic.ts"

export class TurnActivity {
  readonly #clock: Clock.Clock
  #latest: number
  /** Tools that run may take their time. */
  #tools = 0

  constructor(clock: Clock.Clock) {
    this.#clock = clock
    this.#latest = monotonicMillis(clock)
  }

  add(events: ReadonlyArray<ChatEventBody>) {
    this.#latest = monotonicMillis(this.#clock)
    for (const { type } of events) {
      if (type === "tool_started") this.#tools++
      else if (type === "tool_result") this.#tools = Math.max(0, this.#tools - 1)
    }
  }

  /** Whether it has waited for the model, or for the user, for that many ms. */
  isQuiet(milliseconds: number): boolean {
    return this.#tools === 0 && monotonicMillis(this.#clock) - this.#latest >= milliseconds
  }
}
