/** Event channels: heartbeats, audiences, and clients that connect and disconnect. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { type Channel, Channels, channels as names } from "../../../layers/events/Channels.ts"
import { anonymousLoopback, stdioUser } from "../../../src/domain/Principal.ts"
import { it } from "../../support/effect.ts"

/** A client that records its events. */
const client = Effect.fnUntraced(function* (wanted: ReadonlyArray<Channel>, principal = anonymousLoopback) {
  const heard: Array<readonly [Channel, unknown]> = []
  const channels = yield* Channels
  const subscription = channels.subscribeUnsafe(principal, wanted, (channel, json) => {
    heard.push([channel, JSON.parse(json)])
  })
  return { ...subscription, heard }
})

describe("heartbeats", () => {
  it.effect("a heartbeat is sent at once and then every 15 seconds, counted per client", () =>
    Effect.gen(function* () {
      const first = yield* client(["heartbeat"])
      expect(first.heard).toEqual([["heartbeat", { heartbeat: 1, active_clients: 1 }]])
      yield* TestClock.adjust("14 seconds")
      expect(first.heard).toHaveLength(1)
      const second = yield* client(["heartbeat"])
      yield* TestClock.adjust("1 second")
      expect(first.heard.at(-1)).toEqual(["heartbeat", { heartbeat: 2, active_clients: 2 }])
      expect(second.heard.at(-1)).toEqual(["heartbeat", { heartbeat: 2, active_clients: 2 }])
      second.end()
      yield* TestClock.adjust("45 seconds")
      expect(first.heard.at(-1)).toEqual(["heartbeat", { heartbeat: 5, active_clients: 1 }])
      expect(second.heard).toHaveLength(2)
    }).pipe(Effect.provide(Channels.layer))
  )

  it.effect("a repeated subscription sends no extra heartbeat", () =>
    Effect.gen(function* () {
      const { heard, listen } = yield* client([])
      expect(heard).toEqual([])
      listen(["heartbeat"])
      listen(["heartbeat", "usage"])
      expect(heard).toHaveLength(1)
      listen([])
      yield* TestClock.adjust("1 minute")
      expect(heard).toHaveLength(1)
    }).pipe(Effect.provide(Channels.layer))
  )
})

it.effect("an event reaches only the owner's subscribers of its channel", () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.boolean(), fc.subarray([...names]), fc.boolean()), { maxLength: 8 }),
        fc.constantFrom("progress" as const, "usage" as const),
        (clients, channel) =>
          Effect.gen(function* () {
            const owner = (own: boolean) => (own ? anonymousLoopback : stdioUser)
            const all = yield* Effect.forEach(clients, ([own, wanted]) => client(wanted, owner(own)))
            for (const [index, [, , gone]] of clients.entries()) if (gone) all[index]?.end()
            const { active, publish } = yield* Channels
            yield* publish(channel, anonymousLoopback, { n: 1 })
            expect(yield* active).toBe(clients.filter(([, , gone]) => !gone).length)
            for (const [index, [own, wanted, gone]] of clients.entries()) {
              const heard = all[index]?.heard.filter(([name]) => name !== "heartbeat")
              expect(heard).toEqual(own && !gone && wanted.includes(channel) ? [[channel, { n: 1 }]] : [])
            }
          }).pipe(Effect.provide(Channels.layer), Effect.runPromise)
      )
    )
  )
)

it.effect("an ended client receives nothing, even after it subscribes again", () =>
  Effect.gen(function* () {
    const { end, heard, listen } = yield* client(["usage"])
    end()
    end()
    listen(["usage", "heartbeat"])
    const { active, publish } = yield* Channels
    yield* publish("usage", anonymousLoopback, {})
    expect(heard).toEqual([])
    expect(yield* active).toBe(0)
  }).pipe(Effect.provide(Channels.layer))
)
