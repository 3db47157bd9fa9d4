/** WebSockets on a route: upgrade, echo, limits, failing handlers, and shutdown. */
import { expect } from "bun:test"
import { Effect, Exit, Logger, Scope } from "effect"
import type { Route, SocketHandlers } from "../../../layers/http/Routes.ts"
import { make, type Upgraded } from "../../../layers/http/webSockets.ts"
import { it } from "../../support/effect.ts"
import { listen } from "../../support/listener.ts"
import { raw } from "../../support/rawHttp.ts"
import { frames, rawSocket } from "../../support/rawWebSocket.ts"

/** Sends the data of the upgrade, echoes messages, and records how sockets close. */
const echo = (more: Partial<SocketHandlers<string>> = {}) => {
  const closes: Array<number> = []
  const route: Route<string> = {
    paths: ["/ws"],
    fetch: (request, { address, upgrade }) =>
      upgrade(`${request.method} from ${address}`, { "x-greeting": "hi" })
        ? undefined
        : new Response("a WebSocket, please", { status: 426 }),
    websocket: {
      open: (socket) => void socket.send(socket.data),
      message: (socket, message) =>
        void socket.send(typeof message === "string" ? message : new Uint8Array(message)),
      close: (_, code) => void closes.push(code),
      ...more
    }
  }
  return { route, closes }
}

/** A client socket whose messages are read one by one. */
const open = (port: number) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  socket.binaryType = "arraybuffer"
  const received: Array<unknown> = []
  const readers: Array<(message: unknown) => void> = []
  socket.addEventListener("message", ({ data }) => {
    const reader = readers.shift()
    if (reader === undefined) received.push(data)
    else reader(data)
  })
  const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve))
  const next = Effect.promise(() =>
    received.length > 0 ? Promise.resolve(received.shift()) : new Promise((resolve) => readers.push(resolve))
  )
  return { socket, next, closed: Effect.promise(() => closed) }
}

it.live("an upgrade passes the data of the route, and text and bytes are echoed", () =>
  Effect.gen(function* () {
    const { closes, route } = echo()
    const { port } = yield* listen([route])
    const { closed, next, socket } = open(port)
    expect(yield* next).toBe("GET from 127.0.0.1")
    socket.send("héllo")
    expect(yield* next).toBe("héllo")
    socket.send(new Uint8Array([0, 255]))
    expect(yield* next).toEqual(new Uint8Array([0, 255]).buffer)
    socket.close(1000)
    yield* closed
    expect(closes).toEqual([1000])
  })
)

it.live("a request without an upgrade stays a request, and a route without handlers upgrades nothing", () =>
  Effect.gen(function* () {
    const { route } = echo()
    const { port } = yield* listen([
      route,
      {
        paths: ["/none"],
        fetch: (_, { upgrade }) => new Response(String(upgrade("data")))
      }
    ])
    const get = (path: string, more = "") =>
      Effect.promise(() => raw(port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`))
    expect((yield* get("/ws")).status).toBe(426)
    const upgrade =
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    expect((yield* get("/none", upgrade)).body).toBe("false")
    const accepted = yield* get("/ws", upgrade)
    expect(accepted.status).toBe(101)
    expect(accepted.head.toLowerCase()).toContain("x-greeting: hi")
  })
)

it.live("a message of the limit is served, and a longer one closes the socket", () =>
  Effect.gen(function* () {
    const { closes, route } = echo()
    const { port } = yield* listen([route], { maxMessageBytes: 1000 })
    const { closed, next, socket } = open(port)
    yield* next
    socket.send("a".repeat(1000))
    expect(yield* next).toHaveLength(1000)
    socket.send("a".repeat(1001))
    yield* closed
    expect(closes).toHaveLength(1)
  })
)

it.live("a handler that throws closes its socket with 1011 and is logged", () =>
  Effect.gen(function* () {
    const logged: Array<unknown> = []
    const { route } = echo({
      message: (socket, message) => {
        if (message === "bad") throw new Error("cannot")
        socket.send(message as string)
      }
    })
    const { port } = yield* listen([route]).pipe(
      Effect.provide(Logger.layer([Logger.make(({ message }) => void logged.push(message))]))
    )
    const [good, bad] = [open(port), open(port)]
    yield* Effect.all([good.next, bad.next])
    bad.socket.send("bad")
    expect((yield* bad.closed).code).toBe(1011)
    expect(logged).toHaveLength(1)
    good.socket.send("good")
    expect(yield* good.next).toBe("good")
    good.socket.close()
  })
)

it.live("on shutdown, drains may still send, and then sockets close with 1001", () =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const { closes, route } = echo({ open: (socket) => void (speak = () => socket.send("last words")) })
    let speak = () => false
    const { port } = yield* Scope.provide(
      listen([{ ...route, drain: Effect.sync(() => void speak()) }]),
      scope
    )
    const { closed, next, socket } = open(port)
    socket.addEventListener("open", () => socket.send("ready"))
    expect(yield* next).toBe("ready")
    yield* Scope.close(scope, Exit.void)
    expect(yield* next).toBe("last words")
    expect((yield* closed).code).toBe(1001)
    expect(closes).toEqual([1001])
  })
)

it.live("a silent client gets a ping, and is closed if it does not answer", () =>
  Effect.gen(function* () {
    const { handlers } = make(1024, (cause) => void expect(cause).toBeUndefined(), 8)
    const server = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Bun.serve({
          port: 0,
          hostname: "127.0.0.1",
          websocket: handlers,
          fetch: (request, listener) => {
            const data: Upgraded = { handlers: { message: () => {} }, data: undefined }
            return listener.upgrade(request, { data }) ? undefined : new Response(null, { status: 426 })
          }
        })
      ),
      (running) => Effect.promise(() => running.stop(true))
    )
    const client = yield* rawSocket(new URL(`http://127.0.0.1:${server.port}/`))
    expect(frames(yield* client.ended).map(({ opcode }) => opcode)[0]).toBe(9)
  })
)
