/** A connection whose server stops answering is lost; one whose server is only slow is not. */
import { describe, expect } from "bun:test"
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { connect } from "../../../layers/upstream/Connection.ts"
import { it } from "../../support/effect.ts"

type Message = JSONRPCMessage & { readonly id?: unknown; readonly method?: string }

/** A server of the session era that answers the handshake, and afterwards what `answers` names. */
const server = (answers: ReadonlySet<string>) => {
  const sent: Array<Message> = []
  const reply = (message: object) => transport.onmessage?.({ jsonrpc: "2.0", ...message } as JSONRPCMessage)
  const transport: Transport = {
    start: async () => {},
    close: async () => transport.onclose?.(),
    send: async (message: Message) => {
      sent.push(message)
      const { id, method } = message
      if (id === undefined) return
      if (method === "server/discover") reply({ id, error: { code: -32_601, message: "Method not found" } })
      else if (method === "initialize") {
        const serverInfo = { name: "test", version: "1" }
        reply({ id, result: { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo } })
      } else if (method !== undefined && answers.has(method)) reply({ id, result: {} })
    }
  }
  const methods = () => sent.flatMap(({ method }) => (method === undefined ? [] : [method]))
  return { transport, reply, methods, sent }
}

const open = (
  { transport }: ReturnType<typeof server>,
  onPing: (failure: { readonly detail: string } | undefined) => void = () => {}
) =>
  connect({
    server: "test",
    transport,
    timeout: Duration.seconds(20),
    pingAfter: Duration.seconds(30),
    ask: () => Promise.reject(new Error("no")),
    onNotification: () => {},
    onPing: (failure) => Effect.sync(() => onPing(failure))
  })

type Opened = Effect.Success<ReturnType<typeof open>>

/** A call that its caller gives up after so many seconds. */
const giveUp = Effect.fnUntraced(function* ({ request }: Opened, seconds: number) {
  const call = yield* Effect.forkChild(request("tools/call", { name: "t", arguments: {} }), {
    startImmediately: true
  })
  yield* TestClock.adjust(Duration.seconds(seconds))
  yield* Fiber.interrupt(call)
})

describe("after a call that its caller gave up", () => {
  it.effect("a server that answers no ping either is lost, 30 s after the ping", () =>
    Effect.gen(function* () {
      const fake = server(new Set())
      const connection = yield* open(fake)
      yield* giveUp(connection, 10)
      yield* TestClock.adjust("19 seconds")
      expect(fake.methods()).not.toContain("ping")
      yield* TestClock.adjust("1 second")
      expect(fake.methods()).toContain("ping")
      yield* TestClock.adjust("29 seconds")
      expect(connection.isLost()).toBe(false)
      yield* TestClock.adjust("1 second")
      expect(connection.isLost()).toBe(true)
    }).pipe(Effect.scoped)
  )

  it.effect(
    "a ping without a response is reported and repeated, and so is the response to the second one",
    () =>
      Effect.gen(function* () {
        const answers = new Set<string>()
        const fake = server(answers)
        const reported: Array<string | undefined> = []
        const connection = yield* open(fake, (failure) => reported.push(failure?.detail))
        yield* giveUp(connection, 30)
        yield* TestClock.adjust("14 seconds")
        expect(reported).toEqual([])
        answers.add("ping")
        yield* TestClock.adjust("1 second")
        expect(reported).toEqual([expect.stringContaining("neither a call nor a ping"), undefined])
        yield* TestClock.adjust("5 minutes")
        expect(fake.methods().filter((method) => method === "ping")).toHaveLength(2)
        expect(connection.isLost()).toBe(false)
      }).pipe(Effect.scoped)
  )

  it.effect("the ping follows at once if the call took longer than that", () =>
    Effect.gen(function* () {
      const fake = server(new Set())
      yield* giveUp(yield* open(fake), 60)
      yield* TestClock.adjust(0)
      expect(fake.methods()).toContain("ping")
    }).pipe(Effect.scoped)
  )

  it.effect("a server that answers the ping, or has sent anything, is not lost", () =>
    Effect.gen(function* () {
      const fake = server(new Set(["ping"]))
      const connection = yield* open(fake)
      yield* giveUp(connection, 10)
      yield* TestClock.adjust("5 minutes")
      expect(fake.methods().filter((method) => method === "ping")).toHaveLength(1)
      yield* giveUp(connection, 10)
      fake.reply({ method: "notifications/progress", params: { progressToken: "other", progress: 1 } })
      yield* TestClock.adjust("5 minutes")
      expect(fake.methods().filter((method) => method === "ping")).toHaveLength(1)
      expect(connection.isLost()).toBe(false)
    }).pipe(Effect.scoped)
  )

  it.effect("a server that may still handle an earlier call is not pinged before its end", () =>
    Effect.gen(function* () {
      const fake = server(new Set())
      const connection = yield* open(fake)
      const long = yield* Effect.forkChild(
        connection.request("tools/call", { name: "long", arguments: {} }),
        {
          startImmediately: true
        }
      )
      yield* giveUp(connection, 10)
      yield* TestClock.adjust("10 minutes")
      expect(fake.methods()).not.toContain("ping")
      const call = fake.sent.find(({ method }) => method === "tools/call")
      fake.reply({ id: call?.id, result: { content: [] } })
      expect(yield* Fiber.join(long)).toEqual({ content: [] })
      yield* TestClock.adjust("10 minutes")
      expect(fake.methods()).not.toContain("ping")
      expect(connection.isLost()).toBe(false)
    }).pipe(Effect.scoped)
  )

  it.effect("the connection closes at once while its server is checked", () =>
    Effect.gen(function* () {
      const fake = server(new Set())
      yield* Effect.scoped(Effect.flatMap(open(fake), (connection) => giveUp(connection, 60)))
      yield* TestClock.adjust("10 minutes")
      expect(fake.methods().filter((method) => method === "ping").length).toBeLessThanOrEqual(1)
    })
  )
})
