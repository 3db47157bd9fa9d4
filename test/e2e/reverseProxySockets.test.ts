/** WebSockets of applications behind the reverse proxy: subprotocols, early messages, close codes, limits and failures. */
import { expect } from "bun:test"
import { Context, Deferred, Effect } from "effect"
import { ProxyTable } from "../../layers/edge/ProxyTable.ts"
import { it } from "../support/effect.ts"
import { backend, publish, publishing } from "../support/proxies.ts"

const wait = <A>(promise: Promise<A>) => Effect.promise(() => promise)

interface Closed {
  readonly code: number
  readonly reason: string
}

/** An echo that sends two messages when it opens, and reports how it was closed. */
const echo = Effect.gen(function* () {
  const closed = yield* Deferred.make<Closed>()
  const app = yield* backend(
    (request, server) => {
      const { pathname } = new URL(request.url)
      if (pathname === "/reject") return new Response("no", { status: 403 })
      if (pathname === "/hang") return new Promise<Response>(() => {})
      const protocol = request.headers.get("sec-websocket-protocol")?.split(",").at(-1)?.trim()
      const headers = protocol === undefined ? {} : { "sec-websocket-protocol": protocol }
      return server.upgrade(request, { headers, data: undefined }) ? undefined : new Response("x")
    },
    {
      open: (socket) => {
        socket.send("early 1")
        socket.send(new Uint8Array([1, 2, 3]))
      },
      message: (socket, message) => {
        if (message === "close") socket.close(4321, "as you wish")
        else if (message === "drop") socket.terminate()
        else if (message === "huge") socket.send("x".repeat(70_000))
        else socket.send(message)
      },
      close: (_, code, reason) => void Deferred.doneUnsafe(closed, Effect.succeed({ code, reason }))
    }
  )
  return { ...app, closed: Deferred.await(closed) }
})

/** A client that collects messages. */
const open = (port: number, path = "/ws", protocols: Array<string> = [], host = "app.example.com") => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, {
    headers: { host, cookie: "a=1" },
    protocols
  })
  socket.binaryType = "arraybuffer"
  const messages: Array<string | Uint8Array> = []
  let wake = Promise.withResolvers<void>()
  const closed = new Promise<Closed>((resolve) => {
    socket.onclose = ({ code, reason }) => {
      resolve({ code, reason })
      wake.resolve()
    }
  })
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
    messages.push(typeof data === "string" ? data : new Uint8Array(data))
    wake.resolve()
  }
  return {
    socket,
    closed,
    received: async (count: number) => {
      while (messages.length < count && socket.readyState <= WebSocket.OPEN) {
        await wake.promise
        wake = Promise.withResolvers()
      }
      return messages
    }
  }
}

it.live("messages pass both ways in order, from the first one on, with the subprotocol and the headers", () =>
  Effect.gen(function* () {
    const app = yield* echo
    const { port } = yield* publishing(app.url)
    const client = open(port, "/ws?a=1", ["chat.v1", "chat.v2"])
    expect(yield* wait(client.received(2))).toEqual(["early 1", new Uint8Array([1, 2, 3])])
    expect(client.socket.protocol).toBe("chat.v2")
    client.socket.send("text ü")
    client.socket.send(new Uint8Array(50_000).fill(7))
    const [text, bytes] = (yield* wait(client.received(4))).slice(2)
    expect([text, bytes?.length]).toEqual(["text ü", 50_000])
    expect(app.requests.at(-1)).toMatchObject({
      path: "/ws?a=1",
      headers: {
        host: "app.example.com",
        cookie: "a=1",
        "x-forwarded-for": "127.0.0.1",
        "sec-websocket-protocol": expect.stringMatching(/^chat\.v1, ?chat\.v2$/)
      }
    })
    client.socket.close(3456, "bye")
    expect(yield* app.closed).toEqual({ code: 3456, reason: "bye" })
  })
)

it.live("close codes of the application pass, and its end is 1011", () =>
  Effect.gen(function* () {
    const app = yield* echo
    const { port } = yield* publishing(app.url, {}, { server: { max_message_bytes: 65_536 } })
    for (const [message, expected] of [
      ["close", { code: 4321, reason: "as you wish" }],
      ["drop", { code: 1011 }],
      ["huge", { code: 1009, reason: "message too large" }]
    ] as const) {
      const client = open(port)
      yield* wait(client.received(2))
      client.socket.send(message)
      expect(yield* wait(client.closed)).toMatchObject(expected)
    }
  })
)

it.live("a client that disappears ends the WebSocket at the application with 1001", () =>
  Effect.gen(function* () {
    const app = yield* echo
    const { port } = yield* publishing(app.url)
    const client = open(port)
    yield* wait(client.received(2))
    client.socket.terminate()
    expect((yield* app.closed).code).toBe(1001)
  })
)

it.live("an application that rejects, hangs or is not published any more, and one without WebSockets", () =>
  Effect.gen(function* () {
    const app = yield* echo
    const { port, request, running } = yield* publishing(app.url, { response_timeout: 0.3 })
    const upgrade = (path: string, host = "app.example.com") =>
      wait(
        request(path, {
          headers: {
            host,
            connection: "Upgrade",
            upgrade: "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="
          }
        })
      )
    expect((yield* upgrade("/reject")).status).toBe(502)
    expect((yield* upgrade("/hang")).status).toBe(504)
    yield* Effect.provideContext(
      publish({ hostname: "plain.example.com", target_url: app.url, websocket: false }),
      running
    )
    expect((yield* upgrade("/ws", "plain.example.com")).status).toBe(403)

    const client = open(port)
    yield* wait(client.received(2))
    yield* Context.get(running, ProxyTable).remove({ hostname: "app.example.com" }, "operator")
    expect((yield* wait(client.closed)).code).toBe(1008)
    yield* app.closed
  })
)
