/** A handler that may wait for its client between stateless requests. Its services belong to the current round. */
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
  readonly requests: InputRequests
  readonly resume: (answers: InputResponses) => void
}

/** Services of one round. */
export interface Round {
  readonly client: Client["Service"]
  readonly progress: Reporter
  readonly spend: Spending
  readonly call: Call | undefined
  /** Stops the time limit of the round (`PauseTimeLimit`). */
  readonly pause: () => () => void
}

/** A stateless request that starts or resumes a handler. */
export interface Resumption {
  readonly principal: Principal
  /** The request, such as `tools/call echo`. */
  readonly request: string
  readonly answers: InputResponses
  readonly waiting: Waiting | undefined
  /** Size of the request, for the memory quota. */
  readonly bytes?: () => number
  /** Calls the function when the credential of the request ends, also while the handler waits; the returned one removes it. */
  readonly onGrantEnded?: (interrupt: () => void) => (() => void) | undefined
}

export class Continuation {
  readonly owner: string
  readonly request: string
  readonly id: string
  /** Number of suspensions, including those before the handler was run again. */
  round: number
  /** Time since it has been waiting or done, in milliseconds. */
  idleSince = Infinity
  /** Data from the client. Only the responses in it (`used`) go back into the request state. */
  given: InputResponses
  readonly used: Record<string, unknown> = {}
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  /** Memory charged while it waits. */
  readonly held: Hold
  /** Size of the request, in bytes. */
  readonly bytes: number
  readonly pending = new Set<Pending>()
  current: Round
  /** Pauses of the handler that have not ended, and the end of that of the current round. */
  #pauses = 0
  #unpause: (() => void) | undefined
  /** That of the last request. */
  onGrantEnded: Resumption["onGrantEnded"]
  #unfollow: (() => void) | undefined
  /** Suspends the current round. */
  suspend: ((suspended: Suspended) => void) | undefined

  constructor(
    id: string,
    { answers, bytes, onGrantEnded, principal, request, waiting }: Resumption,
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
    this.onGrantEnded = onGrantEnded
  }

  /** While it waits, the function is called when the credential of the last request ends. */
  followGrant(ended: () => void) {
    this.unfollow()
    this.#unfollow = this.onGrantEnded?.(ended)
  }

  unfollow() {
    this.#unfollow?.()
    this.#unfollow = undefined
  }

  /** The handler's services, which delegate to the current round. */
  readonly client: Client["Service"] = Client.of({
    supports: (kind) => this.current.client.supports(kind),
    identity: () => this.current.client.identity?.(),
    log: (level, data, logger) => Effect.suspend(() => this.current.client.log(level, data, logger)),
    completed: (id) => Effect.suspend(() => this.current.client.completed(id)),
    release: Effect.suspend(() => this.current.client.release),
    // `split` has checked the type of each response.
    ask: ((requests: InputRequests) => this.#ask(requests)) as Client["Service"]["ask"]
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

  /** For `PauseTimeLimit`: a pause continues in the next rounds. */
  readonly pause = () => {
    if (this.#pauses++ === 0) this.#unpause = this.current.pause()
    return () => {
      if (--this.#pauses === 0) this.#unpause?.()
    }
  }

  /** Continues with the services of another round. */
  enter(round: Round) {
    this.current = round
    if (this.#pauses > 0) this.#unpause = round.pause()
  }

  /** For `RunningCall`. */
  get call(): Call | undefined {
    return this.current.call
  }

  #ask(requests: InputRequests): Effect.Effect<InputResponses, ClientError> {
    return Effect.callback((resume) => {
      const { answered, complete } = split(requests, this.given)
      Object.assign(this.used, answered)
      if (complete) {
        resume(Effect.succeed(answered))
        return undefined
      }
      const pending: Pending = {
        requests,
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

  /** The missing input requests. */
  suspended(): Suspended {
    const all = Object.assign({}, ...Array.from(this.pending, ({ requests }) => requests)) as InputRequests
    return new Suspended(split(all, this.given).missing, { ...this.used })
  }

  /** Passes responses to the handler; false while some are still missing. */
  answer(given: InputResponses): boolean {
    this.given = { ...this.given, ...given }
    for (const pending of this.pending) {
      const { answered, complete } = split(pending.requests, this.given)
      Object.assign(this.used, answered)
      if (complete) pending.resume(answered)
    }
    return this.pending.size === 0
  }
}
