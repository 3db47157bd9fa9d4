/** One upstream server: connects on demand, reconnects after a lost connection, and publishes its state. */
import { Clock, Deferred, Duration, Effect, Exit, Random, RcMap, Scope } from "effect"
import type { JsonObject } from "../../src/domain/JsonObject.ts"
import type { Connection, RequestOptions } from "./Connection.ts"
import type { Part, State, Status } from "./Status.ts"
import { stopped, UpstreamError } from "./UpstreamError.ts"
import { monotonicNow } from "../platform/monotonic.ts"

export interface UpstreamOptions {
  readonly name: string
  /** Opens a connection that lives as long as the scope. */
  readonly open: Effect.Effect<Connection, UpstreamError, Scope.Scope>
  readonly maxReconnectAttempts: number
  readonly initialReconnectDelay: Duration.Duration
  /** Closes a connection that is unused for this long; the next request opens another. Absent: never. */
  readonly idleTimeout?: Duration.Duration | undefined
  /** Maximum time that a request waits for a connection. */
  readonly connectionTimeout: Duration.Duration
  /**
   * Runs on each new connection, before requests use it. Fails: the connection is of no use. Returns a failure: it is degraded,
   * because its lists could not be read.
   */
  readonly onReady: (connection: Connection) => Effect.Effect<UpstreamError | undefined, UpstreamError>
  readonly onChange: (status: Status) => Effect.Effect<void>
}

export interface Upstream {
  readonly name: string
  readonly status: Effect.Effect<Status>
  /** Connects if there is no connection, and waits for it. */
  readonly connection: Effect.Effect<Connection, UpstreamError>
  /** Whether it is connected, also if it is degraded, or idle until the next request. */
  readonly ready: () => boolean
  /** Whether it is degraded; with a part, whether that part fails. */
  readonly degraded: (part?: Part) => boolean
  /** The state, at once. */
  readonly now: () => Status
  /** The part fails from now on. Returns false, and has no effect, if the server is not connected. */
  readonly degrade: (part: Part, failure: UpstreamError) => Effect.Effect<boolean>
  /** The part no longer fails. */
  readonly recover: (part: Part) => Effect.Effect<void>
  /** Number of requests so far. */
  readonly requests: () => number
  /** Number of reconnections. */
  readonly reconnects: () => number
  /** Server information and capabilities of the last connection; `undefined` before the first. */
  readonly last: () => Connection | undefined
  /** Subscribes to updates of the resource until the scope closes, on this connection and the next ones. */
  readonly subscribe: (uri: string) => Effect.Effect<void, UpstreamError, Scope.Scope>
  /** A request that did not begin because the connection was lost is sent again on the next connection. */
  readonly request: (
    method: string,
    params: JsonObject,
    options?: RequestOptions
  ) => Effect.Effect<JsonObject, UpstreamError>
}

const longestDelay = Duration.toMillis("1 minute")

/** Jitter from half of the delay: instances that lost the same server must not reconnect together. */
const jittered = (delay: number) => Effect.map(Random.next, (random) => delay * (0.5 + random / 2))

/** The connection closes with the scope. */
export const make = Effect.fnUntraced(function* (options: UpstreamOptions) {
  const { connectionTimeout, idleTimeout, initialReconnectDelay, maxReconnectAttempts, name } = options
  const { onChange, onReady, open } = options
  const scope = yield* Effect.scope
  let status: Status = { state: "idle", since: yield* Clock.currentTimeMillis }
  /** Parts of the connection that fail. */
  const failing = new Map<Part, UpstreamError>()
  let connectedAt = 0
  let next = Deferred.makeUnsafe<Connection, UpstreamError>()
  let current: Connection | undefined
  let last: Connection | undefined
  let requests = 0
  let reconnects = 0
  /** Identity of the fiber that holds the connection. */
  let supervisor: object | undefined
  /** Requests and subscriptions that use the connection. */
  let active = 0
  let lastUse = 0

  /** Requests wait for the next connection from now on. */
  const renew = (lost: Connection) => {
    if (current !== lost) return
    current = undefined
    next = Deferred.makeUnsafe()
  }

  const move = Effect.fnUntraced(function* (state: State, failure?: UpstreamError) {
    status = { state, since: yield* Clock.currentTimeMillis, failure }
    yield* onChange(status)
  })

  const isConnected = () => status.state === "ready" || status.state === "degraded"

  /** Moves between `ready` and `degraded`, as the parts say. */
  const settle = Effect.suspend(() => {
    const [failure] = failing.values()
    const state = failure === undefined ? "ready" : "degraded"
    if (status.state !== state) return move(state, failure)
    // The reason may be another one.
    status = { ...status, failure }
    return Effect.void
  })

  const use = <A, E, R>(begin: () => Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      active++
      return Effect.onExitPrimitive(begin(), () => {
        active--
        if (idleTimeout === undefined) return undefined
        return Effect.map(monotonicNow, (now) => {
          lastUse = now
        })
      })
    })

  /** Completes when the connection was unused for the idle time-out; the next request opens another connection. */
  const idle = Effect.fnUntraced(function* (connected: Connection) {
    if (idleTimeout === undefined) return yield* Effect.never
    const time = Duration.toMillis(idleTimeout)
    lastUse = yield* monotonicNow
    for (;;) {
      const left = lastUse + time - (yield* monotonicNow)
      if (left <= 0 && active === 0) break
      yield* Effect.sleep(Math.max(left, time / 4))
    }
    supervisor = undefined
    renew(connected)
  })

  /** One connection, from its opening to its loss (false) or until it is unused (true). Fails if it cannot be opened. */
  const hold = Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* Effect.flatMap(open, (opened) =>
        Effect.map(onReady(opened), (failure) => {
          failing.clear()
          if (failure !== undefined) failing.set("lists", failure)
          return opened
        })
      ).pipe(
        Effect.timeoutOrElse({
          duration: connectionTimeout,
          orElse: () =>
            Effect.fail(
              new UpstreamError({
                server: name,
                stage: "negotiate",
                detail: `no response within ${Duration.toMillis(connectionTimeout)} ms (mcp.connection.connection_timeout)`,
                unsent: true
              })
            )
        })
      )
      connectedAt = yield* Clock.currentTimeMillis
      yield* settle
      if (last !== undefined) reconnects++
      current = last = connection
      Deferred.doneUnsafe(next, Exit.succeed(connection))
      const unused = yield* Effect.raceFirst(
        Effect.as(connection.lost, false),
        Effect.as(idle(connection), true)
      )
      renew(connection)
      return unused
    })
  )

  const supervise = Effect.fnUntraced(function* (self: object) {
    if (supervisor === self) yield* move("connecting")
    let attempts = 0
    for (;;) {
      const ended = yield* Effect.exit(hold)
      if (Exit.isSuccess(ended) && ended.value) {
        // A request may have arrived meanwhile.
        if (supervisor === undefined) yield* move("idle")
        return
      }
      const failure = Exit.isSuccess(ended)
        ? undefined
        : yield* Effect.flip(Effect.suspend(() => ended)).pipe(Effect.orDie)
      if (failure === undefined) attempts = 0
      const unauthorized = failure?.signIn !== undefined
      if (unauthorized || failure?.permanent === true || attempts >= maxReconnectAttempts) {
        yield* move(unauthorized ? "unauthorized" : "failed", failure)
        supervisor = undefined
        if (failure !== undefined) Deferred.doneUnsafe(next, Exit.fail(failure))
        next = Deferred.makeUnsafe()
        return
      }
      const lasting = isConnected() ? (yield* Clock.currentTimeMillis) - connectedAt : 0
      yield* move("reconnecting", failure)
      const first = Duration.toMillis(initialReconnectDelay)
      // A session that ended after a while is reopened at once: its server is reachable.
      if (lasting <= first)
        yield* Effect.sleep(yield* jittered(Math.min(longestDelay, first * 2 ** attempts)))
      attempts++
    }
  })

  const connecting = Effect.suspend(() => {
    if (status.state === "stopped") return Effect.fail(stopped(name))
    const waiting = Deferred.await(next)
    if (supervisor !== undefined) return waiting
    const self = {}
    supervisor = self
    const supervised = Effect.ensuring(
      supervise(self),
      Effect.sync(() => {
        if (supervisor === self) supervisor = undefined
      })
    )
    return Effect.andThen(Effect.forkIn(supervised, scope), waiting)
  }).pipe(
    Effect.timeoutOrElse({
      duration: connectionTimeout,
      orElse: () =>
        Effect.fail(
          status.failure ??
            new UpstreamError({
              server: name,
              stage: "connect",
              detail: "the server is not connected",
              unsent: true
            })
        )
    })
  )

  const connectedNow = () => {
    if (current?.isLost() === true) renew(current)
    return current
  }
  const connection = Effect.suspend(() => {
    const connected = connectedNow()
    return connected === undefined ? connecting : Effect.succeed(connected)
  })

  /** One subscription per resource at the server, shared by all subscribers. */
  const subscriptions = yield* RcMap.make({
    lookup: (uri: string) =>
      Effect.gen(function* () {
        const first = yield* Deferred.make<void, UpstreamError>()
        const once = Effect.scoped(
          Effect.gen(function* () {
            const connected = yield* connection
            yield* connected.subscribe(uri)
            yield* Deferred.succeed(first, undefined)
            yield* connected.lost
          })
        ).pipe(
          Effect.catch((error) => Effect.andThen(Deferred.fail(first, error), Effect.sleep(longestDelay)))
        )
        yield* Effect.forkScoped(use(() => Effect.forever(once)))
        yield* Deferred.await(first)
      })
  })

  yield* Effect.addFinalizer(() =>
    Effect.tap(move("stopped"), () => Effect.sync(() => Deferred.doneUnsafe(next, Exit.fail(stopped(name)))))
  )
  const upstream: Upstream = {
    name,
    status: Effect.sync(() => status),
    connection,
    ready: () => isConnected() || status.state === "idle",
    degraded: (part) => status.state === "degraded" && (part === undefined || failing.has(part)),
    now: () => status,
    degrade: (part, failure) =>
      Effect.suspend(() => {
        if (!isConnected() || connectedNow() === undefined) return Effect.succeed(false)
        failing.set(part, failure)
        return Effect.as(settle, true)
      }),
    recover: (part) => Effect.suspend(() => (failing.delete(part) && isConnected() ? settle : Effect.void)),
    requests: () => requests,
    reconnects: () => reconnects,
    last: () => last,
    subscribe: (uri) => RcMap.get(subscriptions, uri),
    request: (method, params, requestOptions) => {
      const send = () => {
        requests++
        const connected = connectedNow()
        return connected === undefined
          ? Effect.flatMap(connecting, (opened) => opened.request(method, params, requestOptions))
          : connected.request(method, params, requestOptions)
      }
      const again = (error: UpstreamError) =>
        error.unsent && error.stage !== "authenticate" && status.state !== "failed"
          ? Effect.suspend(send)
          : Effect.fail(error)
      return use(() => send().pipe(Effect.catch(again)))
    }
  }
  return upstream
})
