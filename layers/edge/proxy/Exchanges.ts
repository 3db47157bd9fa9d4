/** Running requests and WebSockets of the proxy: time limits, and counts per address. */
import { Effect, Latch } from "effect"
import { type Member, MemberList } from "../../../src/domain/MemberList.ts"
import type { Application } from "./Application.ts"

/** Milliseconds between two checks of time limits: a limit is exceeded by at most this. */
const interval = 250

/**
 * `slow_body`: the client did not send the body in time; `timeout`: the target did not respond in time; `removed`: the
 * application is not published any more; `revoked`: the credential of the caller is not valid any more.
 */
export type EndReason = "client" | "slow_body" | "timeout" | "idle" | "shutdown" | "removed" | "revoked"

/** One proxied request, from its admission until its response or WebSocket has ended. */
export class Exchange implements Member {
  place = -1
  readonly application: Application
  readonly #end: (why: EndReason) => void
  /** Time limit of the current phase, in milliseconds of `performance.now()`. */
  deadline = Infinity
  /** Whether the client is to send a part of the request body. */
  receiving = false
  /** Whether the response has begun. */
  begun = false
  /** Whether the response may never end by itself. */
  endless = false
  why: EndReason | undefined

  constructor(application: Application, end: (why: EndReason) => void) {
    this.application = application
    this.#end = end
  }

  end(why: EndReason) {
    this.why ??= why
    this.#end(why)
  }

  /** The time limit of the current phase has passed. */
  expire() {
    this.end(this.begun ? "idle" : this.receiving ? "slow_body" : "timeout")
  }
}

/** Runs while the scope is open, and ends all exchanges with it. */
export const makeExchanges = Effect.gen(function* () {
  const running = new MemberList<Exchange>()
  const byAddress = new Map<string, number>()
  const busy = Latch.makeUnsafe(false)

  const check = Effect.sync(() => {
    if (running.size === 0) busy.closeUnsafe()
    const now = performance.now()
    for (const exchange of running.all()) {
      if (exchange.deadline <= now) exchange.expire()
    }
  })
  yield* busy.await.pipe(
    Effect.andThen(Effect.sleep(interval)),
    Effect.andThen(check),
    Effect.forever,
    Effect.forkScoped
  )
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const exchange of running.all()) exchange.end("shutdown")
    })
  )

  return {
    add: (exchange: Exchange) => {
      running.add(exchange)
      if (running.size === 1) busy.openUnsafe()
    },
    remove: (exchange: Exchange) => running.remove(exchange),
    /** Requests of the address now; `change` is 1 or -1. */
    count: (address: string, change: 1 | -1): number => {
      const now = (byAddress.get(address) ?? 0) + change
      if (now === 0) byAddress.delete(address)
      else byAddress.set(address, now)
      return now
    },
    of: (address: string) => byAddress.get(address) ?? 0,
    size: () => running.size,
    /** Ends everything of an application that is not published any more, or not in this way. */
    endAll: (application: Application) => {
      for (const exchange of running.all()) if (exchange.application === application) exchange.end("removed")
    },
    /** Ends event streams at shutdown: they would last until its time limit. */
    endEndless: Effect.sync(() => {
      for (const exchange of running.all()) if (exchange.endless) exchange.end("shutdown")
    })
  }
})
export type Exchanges = Effect.Success<typeof makeExchanges>
