/** Open sessions: limited in number, bound to the identity of their principal, closed when idle. */
import { Context, Duration, Effect, Layer, Schedule } from "effect"
import type { Principal } from "../../src/domain/Principal.ts"
import { Authenticator } from "../identity/Authenticator.ts"
import { Ids } from "../platform/Ids.ts"
import { ofWorker, WorkerSlot } from "../platform/WorkerSlot.ts"
import { Hold } from "../quotas/Quota.ts"
import { Quotas } from "../quotas/Quotas.ts"
import { MemoryEventStore } from "./EventStore.ts"
import { HttpSession } from "./HttpSession.ts"
import { McpServers } from "./McpServers.ts"
import { monotonicNow } from "../platform/monotonic.ts"

export interface SessionLimits {
  /** Maximum number of sessions. Beyond it a new one replaces an idle one of the principal with the most. */
  readonly max: number
  /** Idle time-out of a session. */
  readonly idleTimeout: Duration.Duration
  /** How long a request continues after its reader disconnected. */
  readonly resumeWindow: Duration.Duration
  /** Size of the replay buffer per session: events, and UTF-16 units. */
  readonly replayEvents: number
  readonly replaySize: number
  /** Maximum bytes buffered for a slow reader. */
  readonly mostWaiting: number
  /** How long they may stay buffered while the reader reads nothing. */
  readonly unreadTimeout: Duration.Duration
}

/** Interval of the housekeeping, and of keep-alive comments. */
const tick = Duration.seconds(1)
const heartbeat = Duration.toMillis(Duration.seconds(15))
const retry = 1000
/** How many of the least recently used sessions are considered for eviction. */
const candidates = 64

export class Sessions extends Context.Service<
  Sessions,
  {
    /**
     * A new session with its own server; `undefined` if the limit is reached and all are in use. `bytes`: retained bytes of
     * `initialize`, charged to the principal.
     */
    readonly open: (principal: Principal, bytes?: number) => Effect.Effect<HttpSession | undefined>
    /** The session with the id, if it belongs to the identity of the principal. */
    readonly find: (id: string, principal: Principal) => Effect.Effect<HttpSession | undefined>
    readonly close: (session: HttpSession) => Effect.Effect<void>
    /** Ends long-lived streams at shutdown. */
    readonly quiesce: Effect.Effect<void>
    readonly count: Effect.Effect<number>
  }
>()("manifold/transports/Sessions") {
  static readonly make = Effect.fnUntraced(function* (limits: SessionLimits) {
    const servers = yield* McpServers
    const quotas = yield* Quotas
    const ids = yield* Ids
    const slot = yield* WorkerSlot
    const { follow } = yield* Authenticator
    const sessions = new Map<string, HttpSession>()
    const idleTimeout = Duration.toMillis(limits.idleTimeout)
    const unreadTimeout = Duration.toMillis(limits.unreadTimeout)
    const resumeWindow = Duration.toMillis(limits.resumeWindow)
    /** Coarse clock, so that requests do not read the time. */
    let now = yield* monotonicNow
    let lastBeat = now

    const log = Effect.runForkWith(yield* Effect.context<never>())

    /** Memory holds of each open session. */
    const memory = new Map<HttpSession, ReadonlyArray<Hold>>()
    const forget = (session: HttpSession) => {
      sessions.delete(session.sessionId)
      const holds = memory.get(session)
      if (!memory.delete(session)) return
      for (const hold of holds ?? []) hold.end()
      quotas.sessions.release(session.options.principal.key, 1)
    }

    const close = (session: HttpSession) => {
      forget(session)
      // Closing the server closes the transport and interrupts its handlers.
      session.options.server.server
        .close()
        .catch((error: unknown) => log(Effect.logDebug("a session could not be closed", error)))
    }

    /** The least recently used idle session of the principal. */
    const idleOf = (key: string) => {
      for (const session of sessions.values()) {
        if (session.idle && session.options.principal.key === key) return session
      }
      return undefined
    }
    /** Of the least recently used idle sessions, one of the principal with the most sessions. */
    const idleOfLargest = () => {
      let looked = 0
      let found: HttpSession | undefined
      let most = 0
      for (const session of sessions.values()) {
        const { key } = session.options.principal
        if (session.idle && quotas.sessions.usedBy(key) > most) {
          found = session
          most = quotas.sessions.usedBy(key)
        }
        if (++looked >= candidates) break
      }
      return found
    }
    const makeRoom = (key: string): boolean => {
      const full = sessions.size >= limits.max
      if (!full && quotas.sessions.take(key, 1)) return true
      const { principal } = quotas.sessions.limits
      const replaced = quotas.sessions.usedBy(key) >= principal ? idleOf(key) : idleOfLargest()
      if (replaced === undefined) return false
      close(replaced)
      return sessions.size < limits.max && quotas.sessions.take(key, 1)
    }

    const housekeeping = Effect.gen(function* () {
      now = yield* monotonicNow
      const beat = now - lastBeat >= heartbeat
      if (beat) lastBeat = now
      for (const session of sessions.values()) {
        if (session.idle && now - session.lastSeen >= idleTimeout) close(session)
        else if (!session.idle) {
          session.cancelAbandoned(now - resumeWindow)
          if (beat) session.beat()
        }
      }
    })
    yield* Effect.forkScoped(Effect.repeat(housekeeping, Schedule.spaced(tick)))
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const session of sessions.values()) close(session)
      })
    )

    return Sessions.of({
      open: (principal, bytes = 0) => {
        const { key } = principal
        const client = new Hold(quotas.memory, key)
        if (!client.set(bytes)) return Effect.undefined
        if (!makeRoom(key)) {
          client.end()
          return Effect.undefined
        }
        const replay = new Hold(quotas.memory, key)
        const server = servers.forSession(principal)
        const session = new HttpSession({
          id: ofWorker(ids.nextUnsafe(), slot),
          principal,
          server,
          makeEvents: () =>
            new MemoryEventStore({ events: limits.replayEvents, size: limits.replaySize }, replay),
          follow,
          quotas,
          mostWaiting: limits.mostWaiting,
          unreadTimeout,
          retry,
          now: () => now,
          onClose: forget
        })
        sessions.set(session.sessionId, session)
        memory.set(session, [client, replay])
        // The transport is ready at once: its `start` does nothing.
        server.server.connect(session).catch(() => close(session))
        return Effect.succeed(session)
      },
      find: (id, principal) => {
        const session = sessions.get(id)
        if (session === undefined || session.options.principal.key !== principal.key) return Effect.undefined
        // Most recently used: moves to the end of the eviction order.
        sessions.delete(id)
        sessions.set(id, session)
        return Effect.succeed(session)
      },
      close: (session) => Effect.sync(() => close(session)),
      quiesce: Effect.sync(() => {
        for (const session of sessions.values()) session.endStandalone()
      }),
      count: Effect.sync(() => sessions.size)
    })
  })

  static readonly layer = (limits: SessionLimits) => Layer.effect(Sessions, Sessions.make(limits))
}
