/** The open sessions: bounded in number, bound to the identity of their principal, and expiring when unused. */
import { Clock, Context, Duration, Effect, Layer, Schedule } from "effect"
import type { Principal } from "../../src/domain/Principal.ts"
import { Authenticator } from "../identity/Authenticator.ts"
import { Ids } from "../platform/Ids.ts"
import { MemoryEventStore } from "./EventStore.ts"
import { HttpSession } from "./HttpSession.ts"
import { McpServers } from "./McpServers.ts"

export interface SessionLimits {
  /** The most sessions at once; a new one replaces the longest unused idle one. */
  readonly max: number
  /** A session that nobody used for this long is gone. */
  readonly idleTimeout: Duration.Duration
  /** How long a request runs on after its reader was lost. */
  readonly resumeWindow: Duration.Duration
  /** How many events, and UTF-16 units of them, each session keeps for resumption. */
  readonly replayEvents: number
  readonly replaySize: number
  /** Bytes that may wait for a slow reader. */
  readonly mostWaiting: number
}

/** How often the housekeeping looks, and how often quiet streams get a sign of life. */
const tick = Duration.seconds(1)
const heartbeat = Duration.toMillis(Duration.seconds(15))
const retry = 1000
/** How many of the longest unused sessions are looked at for one that can go. */
const candidates = 64

export class Sessions extends Context.Service<
  Sessions,
  {
    /** A new session with a server of its own; `undefined` if there are too many, all in use. */
    readonly open: (principal: Principal) => Effect.Effect<HttpSession | undefined>
    /** The session of that id, if it belongs to the principal's identity. May wait for a shared store. */
    readonly find: (id: string, principal: Principal) => Effect.Effect<HttpSession | undefined>
    readonly close: (session: HttpSession) => Effect.Effect<void>
    /** Ends the streams that would never end by themselves. */
    readonly quiesce: Effect.Effect<void>
    readonly count: Effect.Effect<number>
  }
>()("manifold/transports/Sessions") {
  static readonly make = Effect.fnUntraced(function* (limits: SessionLimits) {
    const servers = yield* McpServers
    const ids = yield* Ids
    const { follow } = yield* Authenticator
    const sessions = new Map<string, HttpSession>()
    const idleTimeout = Duration.toMillis(limits.idleTimeout)
    const resumeWindow = Duration.toMillis(limits.resumeWindow)
    /** Coarse, so that a request costs no look at the clock. */
    let now = yield* Clock.currentTimeMillis
    let lastBeat = now

    const log = Effect.runForkWith(yield* Effect.context<never>())

    const close = (session: HttpSession) => {
      sessions.delete(session.sessionId)
      // Closing the server closes the transport and interrupts its handlers.
      session.options.server.server
        .close()
        .catch((error: unknown) => log(Effect.logDebug("a session could not be closed", error)))
    }

    const makeRoom = (): boolean => {
      if (sessions.size < limits.max) return true
      let looked = 0
      for (const session of sessions.values()) {
        if (session.idle) {
          close(session)
          return true
        }
        if (++looked >= candidates) return false
      }
      return false
    }

    const housekeeping = Effect.gen(function* () {
      now = yield* Clock.currentTimeMillis
      const beat = now - lastBeat >= heartbeat
      if (beat) lastBeat = now
      for (const session of sessions.values()) {
        if (session.idle && now - session.lastSeen >= idleTimeout) close(session)
        else if (!session.idle) {
          session.forsake(now - resumeWindow)
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
      open: (principal) => {
        if (!makeRoom()) return Effect.undefined
        const server = servers.forSession(principal)
        const session = new HttpSession({
          id: ids.nextUnsafe(),
          principal,
          server,
          makeEvents: () => new MemoryEventStore({ events: limits.replayEvents, size: limits.replaySize }),
          follow,
          mostWaiting: limits.mostWaiting,
          retry,
          now: () => now,
          onClose: (closed) => sessions.delete(closed.sessionId)
        })
        sessions.set(session.sessionId, session)
        // The transport is ready at once: its `start` does nothing.
        server.server.connect(session).catch(() => close(session))
        return Effect.succeed(session)
      },
      find: (id, principal) => {
        const session = sessions.get(id)
        if (session === undefined || session.options.principal.key !== principal.key) return Effect.undefined
        // Used last, so last in the order in which sessions go.
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
