/** Sessions: idle expiry, a maximum per principal, and access by their principal only. */
import { describe, expect } from "bun:test"
import { InMemoryServerEventBus, Server } from "@modelcontextprotocol/server"
import { Duration, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Audit } from "../../../layers/audit/Audit.ts"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { stdio } from "../../../layers/identity/Grant.ts"
import { Authenticator } from "../../../layers/identity/Authenticator.ts"
import { CredentialVerifiers } from "../../../layers/identity/CredentialVerifiers.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { Quotas } from "../../../layers/quotas/Quotas.ts"
import { McpServers } from "../../../layers/transports/McpServers.ts"
import { Sessions } from "../../../layers/transports/Sessions.ts"
import { anonymousLoopback, stdioUser } from "../../../src/domain/Principal.ts"
import { it } from "../../support/effect.ts"
import { withJumps } from "../../support/jumpingClock.ts"

const makeServer = () => new Server({ name: "test", version: "1" }, { capabilities: {} })

const servers = Layer.sync(McpServers, () =>
  McpServers.of({
    capabilities: {},
    bus: () => new InMemoryServerEventBus(),
    forSession: () => ({ server: makeServer(), serve: () => false, cancel: () => {} }),
    forConnection: makeServer,
    forRequest: makeServer,
    serveRequest: () => undefined,
    checkHeaders: () => Effect.undefined
  })
)

/** A session without a connection to close. */
const connection = { cut: () => {} }

const limits = {
  max: 3,
  idleTimeout: Duration.minutes(30),
  resumeWindow: Duration.seconds(60),
  replayEvents: 10,
  replaySize: 1000,
  mostWaiting: 1000,
  unreadTimeout: Duration.seconds(30)
}

const layer = Sessions.layer(limits).pipe(
  Layer.provide(
    Layer.mergeAll(
      servers,
      Quotas.layerOf(),
      Authenticator.layer.pipe(
        Layer.provide([Audit.layerNone, ConfigSource.layerFrom({}), CredentialVerifiers.layer]),
        Layer.provideMerge(Ids.layer)
      )
    )
  )
)

const opened = Effect.fnUntraced(function* (principal = stdioUser) {
  const sessions = yield* Sessions
  const session = yield* sessions.open(principal)
  if (session === undefined) return yield* Effect.die("no room")
  return session
})

describe("a session", () => {
  it.effect("expires after the idle time, also if the clock is set meanwhile", () =>
    withJumps((jump) =>
      Effect.gen(function* () {
        const sessions = yield* Sessions
        yield* opened()
        yield* jump("2 hours", "forward")
        yield* TestClock.adjust("29 minutes")
        expect(yield* sessions.count).toBe(1)
        yield* jump("4 hours", "back")
        yield* TestClock.adjust("2 minutes")
        expect(yield* sessions.count).toBe(0)
      }).pipe(Effect.provide(layer))
    )
  )

  it.effect("expires after the idle time without a request, and not before", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions
      const used = yield* opened()
      yield* opened()
      yield* TestClock.adjust("29 minutes")
      yield* Effect.flatMap(used.get(null, stdio, connection), ({ body }) =>
        Effect.promise(async () => body?.cancel())
      )
      yield* TestClock.adjust("2 minutes")
      expect(yield* sessions.count).toBe(1)
      expect(yield* sessions.find(used.sessionId, stdioUser)).toBe(used)
      yield* TestClock.adjust("30 minutes")
      expect(yield* sessions.count).toBe(0)
      expect(yield* sessions.find(used.sessionId, stdioUser)).toBeUndefined()
    }).pipe(Effect.provide(layer))
  )

  it.effect("is unknown to every other principal", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions
      const { sessionId } = yield* opened()
      expect(yield* sessions.find(sessionId, anonymousLoopback)).toBeUndefined()
      expect((yield* sessions.find(sessionId, stdioUser))?.sessionId).toBe(sessionId)
    }).pipe(Effect.provide(layer))
  )

  it.effect("that is idle the longest is evicted for a new one beyond the maximum", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions
      const [first, second] = [yield* opened(), yield* opened(), yield* opened()]
      yield* sessions.find(first.sessionId, stdioUser)
      yield* opened()
      expect(yield* sessions.count).toBe(3)
      expect(yield* sessions.find(second.sessionId, stdioUser)).toBeUndefined()
      expect(yield* sessions.find(first.sessionId, stdioUser)).toBe(first)
    }).pipe(Effect.provide(layer))
  )

  it.effect("is not opened while the maximum of sessions is in use", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions
      const all = [yield* opened(), yield* opened(), yield* opened()]
      const streams = yield* Effect.forEach(all, (session) => session.get(null, stdio, connection))
      expect(yield* sessions.open(stdioUser)).toBeUndefined()
      yield* Effect.promise(async () => streams[0]?.body?.cancel())
      expect(yield* sessions.open(stdioUser)).toBeDefined()
    }).pipe(Effect.provide(layer))
  )
})
