/** Finds servers that hang: a request ended without a response, nothing was received since, and a ping gets no response. */
import { Duration, Effect, type Scope } from "effect"
import { monotonicNow } from "../platform/monotonic.ts"
import { UpstreamError } from "./UpstreamError.ts"

export interface HangCheckOptions {
  /** Name of the server, for the log. */
  readonly server: string
  /** How long nothing must have been received before a ping is sent; it is repeated after half of that time, once. */
  readonly after: Duration.Duration
  /** The first ping got no response and is repeated; `undefined`: the server answers again. */
  readonly onPing: (failure: UpstreamError | undefined) => Effect.Effect<unknown>
  /** A request that every server answers. */
  readonly ping: Effect.Effect<unknown, unknown>
  /** Number of messages received so far. */
  readonly received: () => number
  /** Whether a request waits that was sent before that one: a server may handle one at a time. */
  readonly hasEarlier: (id: string) => boolean
  /** The connection is lost. */
  readonly lose: () => void
}

/** A request that its caller no longer waits for. */
export interface Unanswered {
  readonly id: string
  /** In monotonic milliseconds. */
  readonly sentAt: number
  /** Number of messages that had been received when it was sent. */
  readonly received: number
}

/** How often earlier requests are looked for. */
const pollInterval = "1 second"

/** One check at a time runs, in the scope. */
export const makeHangCheck = (options: HangCheckOptions) => {
  const { after, hasEarlier, lose, onPing, ping, received, server } = options
  let isChecking = false
  const check = Effect.fnUntraced(function* (request: Unanswered) {
    const silent = () => received() === request.received
    const left = request.sentAt + Duration.toMillis(after) - (yield* monotonicNow)
    if (left > 0) yield* Effect.sleep(left)
    while (silent() && hasEarlier(request.id)) yield* Effect.sleep(pollInterval)
    if (!silent()) return
    const half = Duration.times(after, 0.5)
    yield* Effect.ignore(Effect.timeout(ping, half))
    if (!silent()) return
    const detail = "neither a call nor a ping got a response (mcp.connection.ping_after)"
    yield* onPing(new UpstreamError({ server, stage: "call", detail, unsent: false }))
    yield* Effect.ignore(Effect.timeout(ping, half))
    if (!silent()) return yield* onPing(undefined)
    yield* Effect.logWarning(
      `upstream ${server}: it answers neither requests nor pings (mcp.connection.ping_after), and is connected again`
    )
    lose()
  })
  return (request: Unanswered): Effect.Effect<void, never, Scope.Scope> =>
    Effect.suspend(() => {
      if (isChecking || received() !== request.received) return Effect.void
      isChecking = true
      const checked = Effect.ensuring(
        check(request),
        Effect.sync(() => (isChecking = false))
      )
      return Effect.asVoid(Effect.forkScoped(checked))
    })
}
