/** A connection to Redis over Bun's client: it fails at once while Redis is away, and comes back by itself. */
import { RedisClient } from "bun"
import { Deferred, Duration, Effect, Exit, Random, Redacted } from "effect"
import * as Redis from "effect/persistence/Redis"

/** A command that is not answered within this time ends the connection, and with it all that waits. */
const answerWithin = Duration.seconds(1)

const firstPause = 100
const longestPause = 2000

const options = {
  autoReconnect: false,
  connectionTimeout: Duration.toMillis(answerWithin),
  // Commands would wait for as long as Redis is away.
  enableOfflineQueue: false
}

/** Replies of a server that is there and cannot serve now, which is as good as away. */
const unusable =
  /^(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|NOAUTH|NOPERM|OOM|MISCONF|BUSY|UNKILLABLE)\b/

/** Writes from a script, as the stores do: a full server, a replica or too few permissions show here. */
const probe = ["return redis.call('SET', KEYS[1], '', 'PX', 1000)", "1", "manifold:probe"]

export interface RedisConnection {
  readonly redis: Redis.Redis["Service"]
  /** Whether commands are sent now. If not, they fail without being tried. */
  readonly connected: () => boolean
}

interface Link {
  readonly client: RedisClient
  /** Why it ended. */
  readonly lost: Deferred.Deferred<string>
  sent: number
  answered: number
}

const failed = (cause: unknown) => new Redis.RedisError({ cause })

const away = Effect.fail(failed(new Error("Redis cannot be reached")))

/** A client of its own, closed with the scope. It is not open yet. */
const make = (url: Redacted.Redacted) =>
  Effect.acquireRelease(
    Effect.sync(() => new RedisClient(Redacted.value(url), options)),
    (client) => Effect.sync(() => client.close())
  )

const open = (client: RedisClient) => Effect.tryPromise({ try: () => client.connect(), catch: failed })

/** What a reply is, only the one who wrote the command knows. */
const run = <A>(client: RedisClient, command: string, args: ReadonlyArray<string>) =>
  Effect.tryPromise({ try: (): Promise<A> => client.send(command, [...args]), catch: failed })

/** Ends when a command was not answered in time. Redis answers in order, so that no command needs a timer of its own. */
const watch = Effect.fnUntraced(function* (link: Link) {
  let due = 0
  while (link.answered >= due) {
    due = link.sent
    yield* Effect.sleep(Duration.divideUnsafe(answerWithin, 2))
  }
  return `no answer within ${Duration.format(answerWithin)}`
})

/**
 * Connects, and stays connected while the scope is open: after a loss it tries again after 0.1 s, then less and less
 * often, up to every 2 s. It waits for the first attempt, but does not fail with it. Going away and coming back
 * are logged once each. Connections that are `reserve`d and subscriptions stand apart: their commands may take as long
 * as they like, and they do not come back.
 */
export const connect = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const tried = yield* Deferred.make<void>()
  let current: Link | undefined
  let isAway = false
  let pause = firstPause

  const lose = (link: Link, why: string) => {
    if (current === link) current = undefined
    Deferred.doneUnsafe(link.lost, Exit.succeed(why))
  }

  /** One connection from beginning to end; returns why it ended. */
  const attempt = Effect.gen(function* () {
    const client = yield* make(url)
    const link: Link = { client, lost: yield* Deferred.make<string>(), sent: 0, answered: 0 }
    client.onclose = () => lose(link, "the connection was closed")
    yield* Effect.timeout(Effect.andThen(open(client), run(client, "EVAL", probe)), answerWithin)
    current = link
    pause = firstPause
    if (isAway) yield* Effect.logInfo("Redis is back")
    isAway = false
    yield* Deferred.succeed(tried, undefined)
    const why = yield* Effect.raceFirst(Deferred.await(link.lost), watch(link))
    lose(link, why)
    return why
  }).pipe(
    Effect.scoped,
    Effect.orElseSucceed(() => "cannot connect, or not write")
  )

  const supervise = Effect.gen(function* () {
    const why = yield* attempt
    if (!isAway) yield* Effect.logWarning(`Redis is away (${why}): see storage.redis_url`)
    isAway = true
    yield* Deferred.succeed(tried, undefined)
    yield* Effect.sleep(pause * (0.5 + (yield* Random.next) / 2))
    pause = Math.min(pause * 2, longestPause)
  })
  yield* Effect.forkScoped(Effect.forever(supervise))
  yield* Deferred.await(tried)

  const send = <A = unknown>(command: string, ...args: ReadonlyArray<string>) =>
    Effect.suspend((): Effect.Effect<A, Redis.RedisError> => {
      const link = current
      if (link === undefined) return away
      link.sent++
      return Effect.tryPromise({
        try: (): Promise<A> => link.client.send(command, [...args]).finally(() => link.answered++),
        catch: (cause) => {
          const [code] = unusable.exec(cause instanceof Error ? cause.message : "") ?? []
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
