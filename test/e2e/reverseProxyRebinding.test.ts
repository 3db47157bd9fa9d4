/** DNS rebinding: connections to applications go to the address that was checked, whatever the name resolves to afterwards. */
import { expect } from "bun:test"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { sqlite, stateFolder } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { publish, tableOf } from "../support/proxies.ts"
import { publishingWith } from "../support/resolvingProxy.ts"
import { servingProcess } from "../support/servingProcess.ts"
import { certificate } from "../support/sites.ts"

type Serving = Parameters<typeof Bun.serve>[0] & object

/** An application at an address: it says which one it is, and echoes over WebSockets. */
const applicationAt = (hostname: string, port = 0, tls: Pick<Serving, "tls"> = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const hosts: Array<string | null> = []
      const server = Bun.serve({
        hostname,
        port,
        ...tls,
        fetch: async (request, self) => {
          hosts.push(request.headers.get("host"))
          if (self.upgrade(request)) return undefined
          return new Response(`${hostname} ${await request.text()}`)
        },
        websocket: { message: (socket, message) => void socket.send(`${hostname} ${String(message)}`) }
      })
      return { hosts, port: server.port ?? 0, stop: Effect.promise(() => server.stop(true)) }
    }),
    ({ stop }) => stop
  )

/** The first message, or how the WebSocket was closed. */
const say = (port: number, host = "app.example.com") =>
  Effect.promise(
    () =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { host } })
        socket.onopen = () => socket.send("hello")
        socket.onmessage = ({ data }) => {
          resolve(String(data))
          socket.terminate()
        }
        socket.onclose = () => resolve("closed")
      })
  )

/** Answers one after the other, the last one from then on. */
const changing = (...answers: ReadonlyArray<ReadonlyArray<string>>) => {
  let lookups = 0
  return {
    answers: () => answers[Math.min(lookups++, answers.length - 1)],
    lookups: () => lookups
  }
}

const forbidden = ["169.254.169.254"]

it.live(
  "a name is resolved once, and requests and WebSockets go to the checked address with the name in Host",
  () =>
    Effect.gen(function* () {
      // The resolver of the system knows another address of this name, at which something else listens.
      const app = yield* applicationAt("127.0.0.2")
      const other = yield* applicationAt("127.0.0.1", app.port)
      const name = changing(["127.0.0.2"], forbidden)
      const { port, request } = yield* publishingWith(name.answers, `http://localhost:${app.port}`, {
        preserve_host: false
      })
      for (const _ of [1, 2, 3]) expect(yield* request("/")).toEqual({ status: 200, text: "127.0.0.2 " })
      expect(yield* say(port)).toBe("127.0.0.2 hello")
      expect(app.hosts).toEqual(Array.from({ length: 4 }, () => `localhost:${app.port}`))
      expect([other.hosts, name.lookups()]).toEqual([[], 1])
    })
)

it.live("a name that changes to a forbidden address gets no connection", () =>
  Effect.gen(function* () {
    const app = yield* applicationAt("127.0.0.1")
    const name = changing(["127.0.0.1"], forbidden)
    const { port, request } = yield* publishingWith(name.answers, `http://app.test:${app.port}`)
    expect((yield* request("/")).status).toBe(200)
    yield* app.stop
    // The address of the first answer accepts nothing, and that of the second one is not tried.
    expect((yield* request("/", { method: "POST", body: "x" })).status).toBe(502)
    const { status, text } = yield* request("/")
    expect([status, text]).toEqual([
      502,
      expect.stringContaining("address of the application is not allowed")
    ])
    expect(yield* say(port)).toBe("closed")
    // One forbidden address of several is enough.
    const mixed = yield* publishingWith(() => ["127.0.0.1", ...forbidden], `http://app.test:${app.port}`)
    expect((yield* mixed.request("/")).text).toContain("is not allowed")
  })
)

it.live(
  "an application that moves to another address is found again, also by a streamed body and a WebSocket",
  () =>
    Effect.gen(function* () {
      const before = yield* applicationAt("127.0.0.1")
      const name = changing(["127.0.0.1"], ["127.0.0.2"], ["127.0.0.3"])
      const { port, request } = yield* publishingWith(name.answers, `http://app.test:${before.port}`)
      expect((yield* request("/")).text).toBe("127.0.0.1 ")
      yield* before.stop
      const second = yield* applicationAt("127.0.0.2", before.port)
      const body = new ReadableStream({
        pull: (controller) => {
          controller.enqueue(new TextEncoder().encode("streamed"))
          controller.close()
        }
      })
      expect(yield* request("/", { method: "POST", body })).toEqual({
        status: 200,
        text: "127.0.0.2 streamed"
      })
      yield* second.stop
      yield* applicationAt("127.0.0.3", before.port)
      expect(yield* say(port)).toBe("127.0.0.3 hello")
      expect(name.lookups()).toBe(3)
    })
)

it.live("of several addresses, one that accepts connections is used", () =>
  Effect.gen(function* () {
    const app = yield* applicationAt("127.0.0.3")
    const { port, request } = yield* publishingWith(
      () => ["::1", "127.0.0.2", "127.0.0.3"],
      `http://app.test:${app.port}`
    )
    expect((yield* request("/", { method: "POST", body: "x" })).text).toBe("127.0.0.3 x")
    expect(yield* say(port)).toBe("127.0.0.3 hello")
  })
)

it.live("over TLS the certificate is verified for the name, which the server gets as SNI", () =>
  Effect.gen(function* () {
    // Neither certificate is for an address.
    const [named, foreign] = [yield* certificate("DNS:localhost"), yield* certificate("DNS:foreign.test")]
    const file = join(yield* stateFolder, "trusted.pem")
    yield* Effect.promise(() => writeFile(file, named.cert + foreign.cert))
    const right = yield* applicationAt("127.0.0.1", 0, {
      tls: [foreign, { ...named, serverName: "localhost" }]
    })
    const wrong = yield* applicationAt("127.0.0.1", 0, { tls: foreign })
    const storage = yield* sqlite
    const publishAll = Effect.all([
      publish({ hostname: "right.example.com", target_url: `https://localhost:${right.port}` }),
      publish({ hostname: "dot.example.com", target_url: `https://localhost.:${right.port}` }),
      publish({ hostname: "wrong.example.com", target_url: `https://localhost:${wrong.port}` }),
      publish({ hostname: "address.example.com", target_url: `https://127.0.0.1:${right.port}` })
    ])
    yield* publishAll.pipe(Effect.provide(tableOf(storage)))
    const { url } = yield* servingProcess({ config: { storage }, env: { NODE_EXTRA_CA_CERTS: file } })
    const statusOf = (host: string) =>
      Effect.promise(async () => (await fetch(new URL("/", url), { headers: { host } })).status)
    // Twice: the second request may use a pooled connection.
    const hosts = ["right", "wrong", "address", "dot"].flatMap((each) => [each, each])
    const statuses: Array<number> = []
    for (const host of [...hosts, ...hosts]) statuses.push(yield* statusOf(`${host}.example.com`))
    const expected = [200, 200, 502, 502, 502, 502, 200, 200]
    expect(statuses).toEqual([...expected, ...expected])
    expect(yield* say(Number(url.port), "right.example.com")).toBe("127.0.0.1 hello")
    expect(yield* say(Number(url.port), "wrong.example.com")).toBe("closed")
    expect(wrong.hosts).toEqual([])
  })
)
