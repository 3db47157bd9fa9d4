/** One handler that may wait for its client between two stateless requests; its services speak for the current round. */
import { Effect, type Fiber } from "effect"
import type { Call } from "../../layers/ledger/Calls.ts"
import type { Spending } from "../../layers/ledger/Spend.ts"
import type { Reporter } from "../../layers/progress/Progress.ts"
import { Hold, type Quota } from "../../layers/quotas/Quota.ts"
import { Client, type ClientError } from "../catalog/Client.ts"
import type { Principal } from "../domain/Principal.ts"
import { split, Suspended, type InputResponses, type InputRequests } from "./inputRequests.ts"
import type { Waiting } from "./RequestState.ts"

interface Pending {
  readonly questions: InputRequests
  readonly resume: (answers: InputResponses) => void
}

/** What one round gives to the handler that runs in it. */
export interface Round {
  readonly client: Client["Service"]
  readonly progress: Reporter
  readonly spend: Spending
  readonly call: Call | undefined
}

/** How a request finds the handler that waits for it. */
export interface Resumption {
  readonly principal: Principal
  /** What is requested, such as `tools/call echo`. */
  readonly request: string
  readonly answers: InputResponses
  readonly waiting: Waiting | undefined
  /** Measures the request, for the quota of what is kept. */
  readonly bytes?: () => number
}

export class Continuation {
  readonly owner: string
  readonly request: string
  readonly id: string
  /** How often the handler was suspended, also where it waited before it was run again. */
  round: number
  /** Since when it waits, or is done; in milliseconds. */
  idleSince = Infinity
  /** What the client has sent, and what of it was an answer: only that goes back into the request state. */
  given: InputResponses
  readonly used: Record<string, unknown> = {}
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  /** The memory that it is charged for while it waits. */
  readonly held: Hold
  /** The size of the request, in bytes. */
  readonly bytes: number
  readonly pending = new Set<Pending>()
  current: Round
  /** Tells the running round that the client must be asked. */
  suspend: ((suspended: Suspended) => void) | undefined

  constructor(
    id: string,
    { answers, bytes, principal, request, waiting }: Resumption,
    memory: Quota,
    current: Round
  ) {
    this.id = id
    this.owner = principal.key
    this.request = request
    this.given = answers
    this.bytes = bytes?.() ?? 0
    this.round = waiting?.round ?? 0
    this.held = new Hold(memory, this.owner)
    this.current = current
  }

  /** The handler's services, which always speak for the round that runs now. */
  readonly client: Client["Service"] = Client.of({
    supports: (kind) => this.current.client.supports(kind),
    log: (level, data, logger) => Effect.suspend(() => this.current.client.log(level, data, logger)),
    release: Effect.suspend(() => this.current.client.release),
    // One answer of its kind per question: `split` checked them.
    ask: ((questions: InputRequests) => this.#ask(questions)) as Client["Service"]["ask"]
  })
  readonly progress: Reporter = {
    report: (update) => Effect.suspend(() => this.current.progress.report(update)),
    steps: (names) => this.current.progress.steps(names),
    child: (label, weight) => this.current.progress.child(label, weight)
  }

  readonly spend: Spending = {
    add: (charge) => Effect.suspend(() => this.current.spend.add(charge)),
    extend: (usd) => Effect.suspend(() => this.current.spend.extend(usd)),
    spent: Effect.suspend(() => this.current.spend.spent)
  }

  /** As `RunningCall`. */
  get call(): Call | undefined {
    return this.current.call
  }

  #ask(questions: InputRequests): Effect.Effect<InputResponses, ClientError> {
    return Effect.callback((resume) => {
      const { answered, complete } = split(questions, this.given)
      Object.assign(this.used, answered)
      if (complete) {
        resume(Effect.succeed(answered))
        return undefined
      }
      const pending: Pending = {
        questions,
        resume: (answers) => {
          this.pending.delete(pending)
          resume(Effect.succeed(answers))
        }
      }
      this.pending.add(pending)
      this.suspend?.(this.suspended())
      return Effect.sync(() => this.pending.delete(pending))
    })
  }

  /** What the client must be asked now. */
  suspended(): Suspended {
    const all = Object.assign({}, ...Array.from(this.pending, ({ questions }) => questions)) as InputRequests
    return new Suspended(split(all, this.given).missing, { ...this.used })
  }

  /** Hands over what was answered; false while something is still to be asked. */
  answer(given: InputResponses): boolean {
    this.given = { ...this.given, ...given }
    for (const pending of this.pending) {
      const { answered, complete } = split(pending.questions, this.given)
      Object.assign(this.used, answered)
      if (complete) pending.resume(answered)
    }
    return this.pending.size === 0
  }
}
