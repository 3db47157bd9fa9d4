/** Keep-alive for stateless requests: a slow response becomes an event stream with comments until the result is ready. */
import { Duration, Effect, Schedule } from "effect"
import { type Member, MemberList } from "../../src/domain/MemberList.ts"
import type { Backlog } from "./Backlog.ts"
import { EventStream, eventStream, sseHeaders } from "./EventStream.ts"

/** Keep-alive interval: proxies close connections that are silent for 30 to 60 seconds. */
const interval = Duration.seconds(5)
/** Ticks before a response becomes a stream: at the second, at least one whole interval has passed. */
const upgradeAt = 2

const isEventStream = ({ headers }: Response) => headers.get("content-type") === eventStream

/** A pending response. */
class PendingResponse implements Member, Ticking {
  place = -1
  readonly response: Promise<Response>
  readonly #makeBacklog: () => Backlog
  readonly #forget: (awaited: PendingResponse) => void
  #settle: ((response: Response) => void) | undefined
  #intervals = 0
  #stream: EventStream | undefined
  #cancelSource: (() => Promise<void>) | undefined

  constructor(
    pending: Promise<Response>,
    makeBacklog: () => Backlog,
    forget: (awaited: PendingResponse) => void
  ) {
    this.#makeBacklog = makeBacklog
    this.#forget = forget
    this.response = new Promise((resolve, reject) => {
      this.#settle = resolve
      pending.then(
        (response) => this.#arrived(response),
        (error: unknown) => {
          this.#end()
          reject(error)
        }
      )
    })
  }

  tick() {
    this.#intervals++
    if (!isSlow(this.#intervals)) return
    if (this.#stream === undefined) {
      this.#stream = new EventStream(this.#makeBacklog(), () => {
        this.#forget(this)
        void this.#cancelSource?.()
      })
      this.#settle?.(new Response(this.#stream.body, { headers: sseHeaders }))
    }
    this.#stream.comment("keepalive")
  }

  #arrived(response: Response) {
    this.#forget(this)
    if (this.#stream === undefined) {
      this.#settle?.(response)
      return
    }
    const copied = isEventStream(response)
      ? this.#pump(this.#stream, response)
      : this.#put(this.#stream, response)
    copied.then(
      () => this.#end(),
      () => this.#end()
    )
  }

  async #put(stream: EventStream, response: Response) {
    const message = await response.text()
    if (message !== "") stream.event(message)
  }

  async #pump(stream: EventStream, response: Response) {
    const source = response.body?.getReader()
    if (source === undefined) return
    this.#cancelSource = () => source.cancel()
    while (stream.open) {
      const { done, value } = await source.read()
      if (done) return
      stream.bytes(value)
    }
    await source.cancel()
  }

  #end() {
    this.#forget(this)
    this.#stream?.close()
  }
}

/** Called at each interval. */
export interface Ticking {
  readonly tick: () => void
}

/** Whether a response becomes a stream at this interval, the first of which is 1. */
export const isSlow = (intervals: number): boolean => intervals >= upgradeAt

/** Runs while the scope is open. `others` are called at each interval as well. */
export const make = Effect.fnUntraced(function* (others: () => ReadonlyArray<Ticking>) {
  // One timer for all, because most responses are fast.
  const awaited = new MemberList<PendingResponse>()
  const tick = Effect.sync(() => {
    for (const each of awaited.all()) each.tick()
    for (const each of others()) each.tick()
  })
  yield* Effect.forkScoped(Effect.repeat(Effect.andThen(Effect.sleep(interval), tick), Schedule.forever))
  const forget = (each: PendingResponse) => awaited.remove(each)
  return {
    /** A fast response is passed on unchanged. `makeBacklog` makes the limit of bytes buffered for a slow reader. */
    keepAlive: (pending: Promise<Response>, makeBacklog: () => Backlog): Promise<Response> => {
      const each = new PendingResponse(pending, makeBacklog, forget)
      awaited.add(each)
      return each.response
    }
  }
})
