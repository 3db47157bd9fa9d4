/** Redis connection over Bun's client: fails fast while Redis is unreachable and reconnects with backoff. */
import { RedisClient } from "bun"
import { Deferred, Duration, Effect, Exit, Random, Redacted } from "effect"
import * as Redis from "effect/persistence/Redis"

/** Response time-out of a command. It closes the connection and fails all pending commands. */
const responseTimeout = Duration.seconds(1)

const firstPause = 100
const longestPause = 2000

const options = {
  autoReconnect: false,
  connectionTimeout: Duration.toMillis(responseTimeout),
  // Queued commands would wait until Redis is reachable.
  enableOfflineQueue: false
}

/** Error replies that mean Redis is unavailable. */
const unavailable =
  /^(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|NOAUTH|NOPERM|OOM|MISCONF|BUSY|UNKILLABLE)\b/

/** Probe that writes from a script, as the stores do: detects a full server, a replica and missing permissions. */
const probe = ["return redis.call('SET', KEYS[1], '', 'PX', 1000)", "1", "manifold:probe"]

export interface RedisConnection {
  readonly redis: Redis.Redis["Service"]
  /** Whether Redis is connected. If not, commands fail at once. */
  readonly connected: () => boolean
}

interface Link {
  readonly client: RedisClient
  /** The reason why the connection ended. */
  readonly lost: Deferred.Deferred<string>
  sent: number
  answered: number
}

const failed = (cause: unknown) => new Redis.RedisError({ cause })

const unreachable = Effect.fail(failed(new Error("Redis is unreachable")))

/** A new client, not yet connected, closed with the scope. */
const make = (url: Redacted.Redacted) =>
  Effect.acquireRelease(
    Effect.sync(() => new RedisClient(Redacted.value(url), options)),
    (client) => Effect.sync(() => client.close())
  )

const open = (client: RedisClient) => Effect.tryPromise({ try: () => client.connect(), catch: failed })

/** The reply type depends on the command and is the choice of the caller. */
const run = <A>(client: RedisClient, command: string, args: ReadonlyArray<string>) =>
  Effect.tryPromise({ try: (): Promise<A> => client.send(command, [...args]), catch: failed })

/** Completes when a command has timed out. Redis replies in order, so one timer covers all commands. */
const watch = Effect.fnUntraced(function* (link: Link) {
  let due = 0
  while (link.answered >= due) {
    due = link.sent
    yield* Effect.sleep(Duration.divideUnsafe(responseTimeout, 2))
  }
  return `no response within ${Duration.format(responseTimeout)}`
})

/**
 * Connects, and reconnects while the scope is open, with exponential backoff from 0.1 s to 2 s. Waits for the first
 * attempt but does not fail with it. A loss and a recovery are logged once each. Reserved connections and subscriptions
 * are separate: they have no time-out and do not reconnect.
 */
export const connect = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const attempted = yield* Deferred.make<void>()
  let current: Link | undefined
  let isUnreachable = false
  let pause = firstPause

  const lose = (link: Link, why: string) => {
    if (current === link) current = undefined
    Deferred.doneUnsafe(link.lost, Exit.succeed(why))
  }

  /** One connection from start to end; returns the reason why it ended. */
  const attempt = Effect.gen(function* () {
    const client = yield* make(url)
    const link: Link = { client, lost: yield* Deferred.make<string>(), sent: 0, answered: 0 }
    client.onclose = () => lose(link, "the connection was closed")
    yield* Effect.timeout(Effect.andThen(open(client), run(client, "EVAL", probe)), responseTimeout)
    current = link
    pause = firstPause
    if (isUnreachable) yield* Effect.logInfo("Redis is reachable again")
    isUnreachable = false
    yield* Deferred.succeed(attempted, undefined)
    const why = yield* Effect.raceFirst(Deferred.await(link.lost), watch(link))
    lose(link, why)
    return why
  }).pipe(
    Effect.scoped,
    Effect.orElseSucceed(() => "cannot connect or cannot write")
  )

  const supervise = Effect.gen(function* () {
    const why = yield* attempt
    if (!isUnreachable) yield* Effect.logWarning(`Redis is unreachable (${why}). Check storage.redis_url.`)
    isUnreachable = true
    yield* Deferred.succeed(attempted, undefined)
    yield* Effect.sleep(pause * (0.5 + (yield* Random.next) / 2))
    pause = Math.min(pause * 2, longestPause)
  })
  yield* Effect.forkScoped(Effect.forever(supervise))
  yield* Deferred.await(attempted)

  const send = <A = unknown>(command: string, ...args: ReadonlyArray<string>) =>
    Effect.suspend((): Effect.Effect<A, Redis.RedisError> => {
      const link = current
      if (link === undefined) return unreachable
      link.sent++
      return Effect.tryPromise({
        try: (): Promise<A> => link.client.send(command, [...args]).finally(() => link.answered++),
        catch: (cause) => {
          const [code] = unavailable.exec(cause instanceof Error ? cause.message : "") ?? []
          if (code !== undefined) lose(link, code)
          return failed(cause)
        }
      })
    })

  const redis = yield* Redis.make({
    send,
    subscribe: (channel, onMessage) =>
      Effect.flatMap(make(url), (client) => {
        const ended = Deferred.makeUnsafe<void, Redis.RedisError>()
        client.onclose = (cause) => Deferred.doneUnsafe(ended, Exit.fail(failed(cause)))
        const subscribed = Effect.tryPromise({
          try: () => client.subscribe(channel, (message, from) => onMessage({ channel: from, message })),
          catch: failed
        })
        return open(client).pipe(Effect.andThen(subscribed), Effect.as(Deferred.await(ended)))
      }),
    connect: Effect.gen(function* () {
      const client = new RedisClient(Redacted.value(url), options)
      const close = Effect.sync(() => client.close())
      yield* Effect.onError(open(client), () => close)
      return { send: (command, ...args) => run(client, command, args), close }
    })
  })
  const connection: RedisConnection = { redis, connected: () => current !== undefined }
  return connection
})
