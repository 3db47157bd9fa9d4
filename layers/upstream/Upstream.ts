/** One upstream server: connects when it is needed, reconnects when the connection is lost, and tells its state. */
import { Clock, Deferred, Duration, Effect, Exit, Random, Scope } from "effect"
import type { JsonObject } from "../../src/domain/JsonObject.ts"
import type { Connection, RequestOptions } from "./Connection.ts"
import { UpstreamError } from "./UpstreamError.ts"

/**
 * `idle`: not started yet. `connecting`: for the first time. `reconnecting`: after a lost connection. `failed`: all
 * attempts failed; the next request tries again.
 */
export type State = "idle" | "connecting" | "ready" | "reconnecting" | "failed" | "stopped"

export interface Status {
  readonly state: State
  /** Milliseconds since the epoch at which the state began. */
  readonly since: number
  /** The last failure; it stays until the connection is ready again. */
  readonly failure?: UpstreamError | undefined
}

export interface UpstreamOptions {
  readonly name: string
  /** Opens a connection that lives as long as the scope. */
  readonly open: Effect.Effect<Connection, UpstreamError, Scope.Scope>
  readonly maxReconnectAttempts: number
  readonly initialReconnectDelay: Duration.Duration
  /** How long a request waits for a connection. */
  readonly connectionTimeout: Duration.Duration
  /** Runs after each connection; the connection is used by others only when it has ended. */
  readonly onReady: (connection: Connection) => Effect.Effect<void, UpstreamError>
  readonly onChange: (status: Status) => Effect.Effect<void>
}

export interface Upstream {
  readonly name: string
  readonly status: Effect.Effect<Status>
  /** Connects if there is no connection, and waits for it. */
  readonly connection: Effect.Effect<Connection, UpstreamError>
  /** A request that did not begin because the connection was lost is sent once more on the next connection. */
  readonly request: (
    method: string,
    params: JsonObject,
    options?: RequestOptions
  ) => Effect.Effect<JsonObject, UpstreamError>
}

const longestDelay = Duration.toMillis("1 minute")

/** Half of the delay at least: instances that lost the same server must not come back together. */
const jittered = (delay: number) => Effect.map(Random.next, (random) => delay * (0.5 + random / 2))

/** The connection closes with the scope. */
export const make = Effect.fnUntraced(function* (options: UpstreamOptions) {
  const { connectionTimeout, initialReconnectDelay, maxReconnectAttempts, name, onChange, onReady, open } =
    options
  const scope = yield* Effect.scope
  let status: Status = { state: "idle", since: yield* Clock.currentTimeMillis }
  let next = Deferred.makeUnsafe<Connection, UpstreamError>()
  let running = false

  const move = Effect.fnUntraced(function* (state: State, failure?: UpstreamError) {
    status = { state, since: yield* Clock.currentTimeMillis, failure }
    yield* onChange(status)
  })

  /** One connection, from its opening to its loss. Fails if it cannot be opened. */
  const hold = Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* Effect.flatMap(open, (opened) => Effect.as(onReady(opened), opened)).pipe(
        Effect.timeoutOrElse({
          duration: connectionTimeout,
          orElse: () =>
            Effect.fail(
              new UpstreamError({
                server: name,
                stage: "negotiate",
                detail: `no answer within ${Duration.toMillis(connectionTimeout)} ms (mcp.connection.connection_timeout)`,
                unsent: true
              })
            )
        })
      )
      yield* move("ready")
      Deferred.doneUnsafe(next, Exit.succeed(connection))
      yield* connection.lost
      next = Deferred.makeUnsafe()
    })
  )

  const supervise = Effect.gen(function* () {
    yield* move("connecting")
    let attempts = 0
    for (;;) {
      const ended = yield* Effect.exit(hold)
      const failure = Exit.isSuccess(ended)
        ? undefined
        : yield* Effect.flip(Effect.suspend(() => ended)).pipe(Effect.orDie)
      if (failure === undefined) attempts = 0
      if (attempts >= maxReconnectAttempts) {
        yield* move("failed", failure)
        if (failure !== undefined) Deferred.doneUnsafe(next, Exit.fail(failure))
        next = Deferred.makeUnsafe()
        return
      }
      yield* move("reconnecting", failure)
      const delay = Math.min(longestDelay, Duration.toMillis(initialReconnectDelay) * 2 ** attempts)
      yield* Effect.sleep(yield* jittered(delay))
      attempts++
    }
  }).pipe(Effect.ensuring(Effect.sync(() => (running = false))))

  const connection = Effect.suspend(() => {
    const waiting = Deferred.await(next)
    if (running) return waiting
    running = true
    return Effect.andThen(Effect.forkIn(supervise, scope), waiting)
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

  yield* Effect.addFinalizer(() => move("stopped"))
  const upstream: Upstream = {
    name,
    status: Effect.sync(() => status),
    connection,
    request: (method, params, requestOptions) =>
      Effect.flatMap(connection, (connected) => connected.request(method, params, requestOptions)).pipe(
        Effect.retry({ times: 1, while: ({ unsent }) => unsent && status.state !== "failed" })
      )
  }
  return upstream
})
