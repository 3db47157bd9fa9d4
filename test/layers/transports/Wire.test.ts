/** A connection of whole messages: request ids, rejected messages, and its end. */
import { describe, expect, test } from "bun:test"
import { InMemoryServerEventBus, Server, type JSONRPCMessage } from "@modelcontextprotocol/server"
import { Effect } from "effect"
import { Hold, Quota } from "../../../layers/quotas/Quota.ts"
import { McpServers } from "../../../layers/transports/McpServers.ts"
import { fromValue, MessageRejection } from "../../../layers/transports/jsonRpc.ts"
import { Wire } from "../../../layers/transports/Wire.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import { initialize, request } from "../../support/service.ts"

/** Servers that only receive messages. */
const servers = (passed: Array<JSONRPCMessage>): McpServers["Service"] =>
  McpServers.of({
    capabilities: {},
    bus: () => new InMemoryServerEventBus(),
    forSession: () => ({
      server: new Server({ name: "test", version: "1" }, { capabilities: {} }),
      serve: (message) => passed.push(message) > 0,
      cancel: () => {}
    }),
    forConnection: () => new Server({ name: "test", version: "1" }, { capabilities: {} }),
    forRequest: () => new Server({ name: "test", version: "1" }, { capabilities: {} }),
    serveRequest: () => undefined,
    checkHeaders: () => Effect.undefined
  })

/** A wire in a session, whose server receives requests and leaves the responses to the test. */
const wired = (write: (text: string) => Promise<void> | void = () => {}) => {
  const passed: Array<JSONRPCMessage> = []
  const events: Array<string> = []
  const wire = new Wire({ write, close: () => void events.push("let go") }, servers(passed), () => {})
  const receive = (value: unknown, held?: Hold) => {
    const parsed = fromValue(value)
    return parsed instanceof MessageRejection ? parsed : wire.receive(parsed, { principal: stdioUser }, held)
  }
  const respond = (id: number) => wire.send({ jsonrpc: "2.0", id, result: {} })
  receive(initialize())
  const close = wire.onclose
  wire.onclose = () => {
    events.push("closed")
    close?.()
  }
  return { wire, passed, events, receive, respond }
}

describe("request ids", () => {
  test("are free again after a response or a cancellation", async () => {
    const { respond, passed, receive } = wired()
    expect(receive(request(1, "ping"))).toBeUndefined()
    expect(receive(request(1, "ping"))).toBeInstanceOf(MessageRejection)
    await respond(1)
    expect(receive(request(1, "ping"))).toBeUndefined()
    receive({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } })
    expect(receive(request(1, "ping"))).toBeUndefined()
    expect(passed).toHaveLength(4)
  })

  test("are free again if the response cannot be written", async () => {
    const { respond, receive } = wired(() => Promise.reject(new Error("full")))
    receive(request(1, "ping"))
    await expect(respond(1)).rejects.toThrow("full")
    expect(receive(request(1, "ping"))).toBeUndefined()
  })

  test("may occur once in a batch, and no message of a rejected batch is passed on", () => {
    const { passed, receive, wire } = wired()
    const batch = [request(1, "ping"), request(2, "ping")]
    expect(receive(batch)).toBeInstanceOf(MessageRejection)
    wire.setProtocolVersion("2025-03-26")
    expect(receive([...batch, request(1, "ping")])).toBeInstanceOf(MessageRejection)
    expect(passed).toHaveLength(1)
    expect(receive(batch)).toBeUndefined()
    expect(passed).toHaveLength(3)
  })
})

test("the id of an open subscription is taken, and the end of the connection releases what it holds", async () => {
  const quota = new Quota({ principal: 100, total: 100 })
  const { receive, wire } = wired()
  const listen = request(7, "subscriptions/listen")
  const held = () => {
    const hold = new Hold(quota, "anyone")
    hold.set(10)
    return hold
  }
  expect(receive(listen, held())).toBeUndefined()
  expect(receive(listen, held())).toBeInstanceOf(MessageRejection)
  expect(receive(request(7, "ping"), held())).toBeInstanceOf(MessageRejection)
  expect(quota.used).toBe(10)
  await wire.close()
  expect(quota.used).toBe(0)
})

describe("rejected messages", () => {
  /** The errors that a wire sends for rejected messages. */
  const rejecting = () => {
    const sent: Array<{ id: unknown; error: { code: number } }> = []
    const { receive, wire } = wired((text) => void sent.push(JSON.parse(text)))
    const offer = (value: unknown) => {
      const rejected = receive(value)
      if (rejected !== undefined) wire.reject(rejected)
    }
    return { offer, sent }
  }

  test("get an error with the id of each request", () => {
    const { offer, sent } = rejecting()
    offer({ ...request(1, "ping"), params: 5 })
    offer([request(2, "ping"), { ...request(3, "ping"), params: 5 }])
    expect(sent.map(({ error, id }) => [id, error.code])).toEqual([
      [1, -32602],
      [2, -32602],
      [3, -32602]
    ])
  })

  test("do not repeat the id of a running request", () => {
    const { offer, sent } = rejecting()
    offer(request(1, "ping"))
    offer(request(1, "ping"))
    offer({ ...request(1, "ping"), params: 5 })
    expect(sent.map(({ id }) => id)).toEqual([null, null])
  })
})

describe("the end of a connection", () => {
  test("happens once, from either side, and nothing is sent afterwards", async () => {
    const { respond, events, wire } = wired()
    await wire.close()
    await wire.close()
    await wire.end()
    expect(events).toEqual(["let go", "closed"])
    expect(wire.open).toBe(false)
    await expect(respond(1)).rejects.toThrow("closed")
  })

  test("waits for running calls, but not for subscriptions", async () => {
    const { respond, events, receive, wire } = wired()
    receive(request(1, "subscriptions/listen"))
    receive(request(2, "ping"))
    const finished = wire.finish()
    await respond(0)
    expect(events).toEqual([])
    await respond(2)
    await finished
    expect(events).toEqual(["let go", "closed"])
    await wire.finish()
  })
})
