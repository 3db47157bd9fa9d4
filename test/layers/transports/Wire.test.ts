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

/** A wire whose server receives requests and leaves the responses to the test. */
const unanswered = (write: (text: string) => Promise<void> | void) => {
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

/** The same in a session, whose handshake has a response; `write` gets what is sent afterwards. */
const wired = async (write: (text: string) => Promise<void> | void = () => {}) => {
  let isOpen = false
  const connected = unanswered((text) => (isOpen ? write(text) : undefined))
  await connected.respond(0)
  isOpen = true
  return connected
}

test("requests that come before the response to the handshake are passed on after it, unless they were cancelled", async () => {
  const passedAtWrite: Array<number> = []
  const { passed, receive, respond } = unanswered(() => void passedAtWrite.push(passed.length))
  for (const id of [1, 2, 3]) receive(request(id, "ping"))
  receive({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 2 } })
  expect(passed).toMatchObject([{ id: 0 }])
  await respond(0)
  expect(passedAtWrite).toEqual([1])
  expect(passed).toMatchObject([{ id: 0 }, { id: 1 }, { id: 3 }])
})

describe("request ids", () => {
  test("are free again after a response or a cancellation", async () => {
    const { respond, passed, receive } = await wired()
    expect(receive(request(1, "ping"))).toBeUndefined()
    expect(receive(request(1, "ping"))).toBeInstanceOf(MessageRejection)
    await respond(1)
    expect(receive(request(1, "ping"))).toBeUndefined()
    receive({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } })
    expect(receive(request(1, "ping"))).toBeUndefined()
    expect(passed).toHaveLength(4)
  })

  test("are free again if the response cannot be written", async () => {
    const { respond, receive } = await wired(() => Promise.reject(new Error("full")))
    receive(request(1, "ping"))
    await expect(respond(1)).rejects.toThrow("full")
    expect(receive(request(1, "ping"))).toBeUndefined()
  })

  test("may occur once in a batch, and no message of a rejected batch is passed on", async () => {
    const { passed, receive, wire } = await wired()
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
  const { receive, wire } = await wired()
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
  const rejecting = async () => {
    const sent: Array<{ id: unknown; error: { code: number } }> = []
    const { receive, wire } = await wired((text) => void sent.push(JSON.parse(text)))
    const offer = (value: unknown) => {
      const rejected = receive(value)
      if (rejected !== undefined) wire.reject(rejected)
    }
    return { offer, sent }
  }

  test("get an error with the id of each request", async () => {
    const { offer, sent } = await rejecting()
    offer({ ...request(1, "ping"), params: 5 })
    offer([request(2, "ping"), { ...request(3, "ping"), params: 5 }])
    expect(sent.map(({ error, id }) => [id, error.code])).toEqual([
      [1, -32602],
      [2, -32602],
      [3, -32602]
    ])
  })

  test("do not repeat the id of a running request", async () => {
    const { offer, sent } = await rejecting()
    offer(request(1, "ping"))
    offer(request(1, "ping"))
    offer({ ...request(1, "ping"), params: 5 })
    expect(sent.map(({ id }) => id)).toEqual([null, null])
  })
})

describe("the end of a connection", () => {
  test("happens once, from either side, and nothing is sent afterwards", async () => {
    const { respond, events, wire } = await wired()
    await wire.close()
    await wire.close()
    await wire.end()
    expect(events).toEqual(["let go", "closed"])
    expect(wire.open).toBe(false)
    await expect(respond(1)).rejects.toThrow("closed")
  })

  test("waits for running calls, but not for subscriptions", async () => {
    const { respond, events, receive, wire } = await wired()
    receive(request(1, "subscriptions/listen"))
    receive(request(2, "ping"))
    const finished = wire.finish()
    expect(events).toEqual([])
    await respond(2)
    await finished
    expect(events).toEqual(["let go", "closed"])
    await wire.finish()
  })
})
