/** Which connection a request gets: none that is lost, occupied or the server's to close, and each response its request. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { Http1Connection } from "../../../../layers/platform/http1/Http1Connection.ts"
import { Http1Origin } from "../../../../layers/platform/http1/Http1Origin.ts"
import {
  chunk,
  chunked,
  client,
  errorOf,
  type Peer,
  put,
  readerOf,
  response,
  serve
} from "../../../support/httpPeers.ts"

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

const until = async (holds: () => boolean) => {
  while (!holds()) await turn()
}

test("a server that resets each connection is not connected to again for the same request", async () => {
  let opened = 0
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        opened++
        socket.terminate()
      },
      data: () => {}
    }
  })
  for (const method of ["POST", "GET"]) {
    expect(await errorOf(client(listener.port)({ method }))).toMatch(/^the (?:server closed the )?connection/)
  }
  expect(opened).toBe(2)
  listener.stop(true)
})

test("a connection that fails after the request was sent has no code that says that nothing was sent", async () => {
  for (const code of ["ETIMEDOUT", "EHOSTUNREACH", "ECONNRESET"]) {
    const connection = new Http1Connection({ onEventStream() {}, onFree() {}, onClose() {} })
    // The system reports these only after minutes without a network.
    const socket = { setNoDelay() {}, setKeepAlive() {}, ref() {}, terminate() {}, write: () => 100 }
    connection.opened(socket as unknown as Bun.Socket<Http1Connection>)
    const sent = connection.send({ method: "POST", text: "x", signal: undefined, checkOf: undefined })
    connection.closed(Object.assign(new Error(`${code}: read`), { code }))
    const error: unknown = await sent?.then(undefined, (cause: unknown) => cause)
    expect(error).toMatchObject({
      _tag: "InvalidResponse",
      message: `the connection failed before its response: ${code}: read`
    })
    expect(error).not.toHaveProperty("code")
  }
})

test("a body that is dropped when its connection has another request leaves that request alone", async () => {
  const { peers, port } = serve((peer, request) => {
    if (request.startsWith("GET")) put(peer, chunked() + chunk("unread"))
  })
  const free = Promise.withResolvers<void>()
  const connection = new Http1Connection({ onEventStream() {}, onFree: () => free.resolve(), onClose() {} })
  await connection.connect("127.0.0.1", port)
  const send = (method: string) =>
    connection.send({ method, text: `${method} / HTTP/1.1\r\n\r\n`, signal: undefined, checkOf: undefined })
  const stream = await send("GET")
  put(peers[0] as Peer, "0\r\n\r\n")
  await free.promise
  const next = send("POST")
  await stream?.body?.cancel()
  await until(() => peers[0]?.data.requests === 2)
  put(peers[0] as Peer, response("mine"))
  expect(await (await next)?.text()).toBe("mine")
})

test("a place passes on to the next request when the one that gets it has left", async () => {
  const { peers, port } = serve((peer, request) => {
    if (request.startsWith("POST /last")) put(peer, response("last"))
  })
  const send = client(port, { maxConnections: 1 })
  const shared = new AbortController()
  const first = send({ signal: shared.signal })
  await until(() => peers[0]?.data.requests === 1)
  const second = send({ signal: shared.signal })
  const third = send({ target: "/last" })
  shared.abort(new Error("left"))
  expect(await Promise.all([errorOf(first), errorOf(second)])).toEqual(["left", "left"])
  expect(await (await third).text()).toBe("last")
})

test("a request that waits is not overtaken", async () => {
  const order: Array<string> = []
  const held: Array<Peer> = []
  const { port } = serve((peer, request) => {
    order.push(request.slice(5, 7))
    held.push(peer)
  })
  const send = client(port, { maxConnections: 1 })
  const first = send({ target: "/1" })
  await until(() => held.length === 1)
  const second = send({ target: "/2" })
  put(held[0] as Peer, response("x"))
  // The response is there, and the connection is free, before anything else runs.
  const third = first.then(() => send({ target: "/3" }))
  await until(() => held.length === 2)
  put(held[1] as Peer, response("x"))
  await until(() => held.length === 3)
  put(held[2] as Peer, response("x"))
  await Promise.all([second, third])
  expect(order).toEqual(["/1", "/2", "/3"])
})

test("event streams take no place from the requests that they wait for", async () => {
  const { peers, port } = serve((peer, request) =>
    put(peer, request.startsWith("GET") ? chunked() + chunk("data: 1\n\n") : response("answered"))
  )
  const send = client(port, { maxConnections: 1 })
  const streams = [await send({ method: "GET" }), await send({ method: "GET" })]
  expect(await (await send()).text()).toBe("answered")
  expect(peers).toHaveLength(3)
  // One ends while all places are taken, which closes its connection; one is cancelled.
  const [ended, cancelled] = streams.map(readerOf)
  put(peers[0] as Peer, "0\r\n\r\n")
  await ended?.read()
  expect((await ended?.read())?.done).toBe(true)
  await cancelled?.cancel()
  await Promise.all([peers[0]?.data.ended.promise, peers[1]?.data.ended.promise])
  expect(await (await send()).text()).toBe("answered")
  expect(peers.map(({ data }) => data.requests)).toEqual([1, 1, 2])
})

test("an event stream with a length begins before it is complete", async () => {
  const { port } = serve((peer) =>
    put(peer, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 100\r\n\r\ndata: 1\n\n")
  )
  const reader = readerOf(await client(port)())
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("data: 1\n\n")
  await reader.cancel()
})

test("a body that a response must not have does not answer the next request", async () => {
  for (const status of ["204 No Content", "205 Reset Content", "304 Not Modified"]) {
    const { peers, port } = serve((peer) => {
      if (peer.data.number > 0) return put(peer, response("right"))
      put(peer, `HTTP/1.1 ${status}\r\ncontent-length: 60\r\n\r\n`)
      return undefined
    })
    const send = client(port)
    const { body } = await send()
    expect(body).toBeNull()
    put(peers[0] as Peer, response("wrong"))
    expect(await (await send()).text()).toBe("right")
    await peers[0]?.data.ended.promise
  }
})

test("connections are not shared among hosts at one address", async () => {
  const { peers, port } = serve((peer, request) => put(peer, response(/host: (\w)/.exec(request)?.[1] ?? "")))
  const send = client(port)
  for (const host of ["a", "b", "a"]) expect(await (await send({ host })).text()).toBe(host)
  expect(peers.map(({ data }) => data.requests)).toEqual([2, 1])
})

test("a connection is kept for less than the server announces, and for a short time if it announces none", async () => {
  const options = { maxConnections: 8, maxFree: 8, keepFor: 1500, keepAnnounced: 4000, closesWithin: 0 }
  const cases = [
    ["x-none: 1", 1500],
    ["keep-alive: timeout=1", 500],
    ["keep-alive: timeout=3", 2000],
    ["keep-alive: timeout=75", 4000]
  ] as const
  for (const [field, limit] of cases) {
    const { peers, port } = serve((peer) => put(peer, response("x", field)))
    let freed = 0
    const origin = new Http1Origin("127.0.0.1", port, options, () => (freed = performance.now()))
    const text = "POST / HTTP/1.1\r\n\r\n"
    await origin.send({ method: "POST", text, signal: undefined, checkOf: undefined })
    origin.sweep(freed + limit - 10)
    expect([field, origin.isUnused]).toEqual([field, false])
    origin.sweep(freed + limit + 10)
    expect([field, origin.isUnused]).toEqual([field, true])
    await peers[0]?.data.ended.promise
  }
})

test("no request is sent on the connections of a server that closes them unannounced", async () => {
  for (const maxConnections of [1, 8]) {
    const { peers, port } = serve((peer) => {
      put(peer, response("x"))
      peer.end()
    })
    // The time that it takes to notice the end is not limited here.
    const send = client(port, { maxConnections, closesWithin: Infinity })
    // The next request follows before the end of the connection is read.
    for (let count = 0; count < 10; count++) expect(await (await send()).text()).toBe("x")
    const all = await Promise.all(Array.from({ length: 10 }, async () => (await send()).text()))
    expect(all).toEqual(all.map(() => "x"))
    expect(peers).toHaveLength(20)
  }
})

test("a server that was seen to keep a connection gets requests at once", async () => {
  const { peers, port } = serve((peer) => put(peer, response("x")))
  const options = { maxConnections: 8, maxFree: 8, keepFor: 1500, keepAnnounced: 4000, closesWithin: 5 }
  const freed: Array<number> = []
  const origin = new Http1Origin("127.0.0.1", port, options, () => freed.push(performance.now()))
  const text = "POST / HTTP/1.1\r\n\r\n"
  const send = () => origin.send({ method: "POST", text, signal: undefined, checkOf: undefined })
  await send()
  while (performance.now() - (freed[0] ?? 0) <= 5) await turn()
  for (let count = 0; count < 5; count++) await send()
  expect(peers.map(({ data }) => data.requests)).toEqual([6])
})

/** What a server does with a request, and what its caller does. */
const exchange = fc.record({
  /** Chunks of the response, each sent by itself. */
  pieces: fc.integer({ min: 0, max: 3 }),
  framing: fc.constantFrom("length", "chunks", "stream"),
  after: fc.constantFrom("keep", "close", "surplus", "end"),
  /** Turns of the event loop before the caller aborts. */
  abort: fc.option(fc.nat(12), { nil: undefined }),
  /** The caller drops the body instead of reading it. */
  drops: fc.boolean(),
  method: fc.constantFrom("GET", "POST"),
  delay: fc.nat(6)
})

type Exchange = typeof exchange extends fc.Arbitrary<infer A> ? A : never

const answer = async (peer: Peer, request: string, all: ReadonlyArray<Exchange>) => {
  const id = /\/(\d+)\./.exec(request)?.[1] ?? ""
  const { after, delay, framing, pieces } = all[Number(id)] as Exchange
  const body = `${id};`
  const close = after === "close" ? "connection: close\r\n" : ""
  for (let count = 0; count < delay; count++) await turn()
  if (framing === "length") {
    put(peer, `HTTP/1.1 200 OK\r\n${close}content-length: ${body.length * pieces}\r\n\r\n`)
  } else {
    const type = framing === "stream" ? "text/event-stream" : "application/json"
    put(peer, `HTTP/1.1 200 OK\r\n${close}content-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n`)
  }
  for (let count = 0; count < pieces; count++) {
    await turn()
    put(peer, framing === "length" ? body : chunk(body))
  }
  const last = framing === "length" ? "" : "0\r\n\r\n"
  put(peer, after === "surplus" ? `${last}${response("stolen")}` : last)
  if (after === "end") peer.end()
}

test("each response reaches its request, whatever others are aborted, and no place is lost", async () => {
  const interleavings = fc.array(exchange, { minLength: 2, maxLength: 24 })
  await fc.assert(
    fc.asyncProperty(interleavings, fc.integer({ min: 1, max: 4 }), async (all, maxConnections) => {
      const held: Array<Peer> = []
      const { port } = serve((peer, request) => {
        if (!request.includes("/held")) return void answer(peer, request, all)
        if (held.push(peer) === maxConnections) for (const each of held) put(each, response("held"))
      })
      const send = client(port, { maxConnections, maxFree: 2 })
      await Promise.all(
        all.map(async ({ abort, delay, drops, method, pieces }, id) => {
          for (let count = 0; count < delay; count++) await turn()
          const leaving = new AbortController()
          const aborted = (async () => {
            if (abort === undefined) return
            for (let count = 0; count < abort; count++) await turn()
            leaving.abort(new Error("aborted"))
          })()
          const outcome = await send({ method, target: `/${id}.`, signal: leaving.signal })
            .then(async (got) => (drops ? void (await got.body?.cancel()) : got.text()))
            .catch((error: unknown) => error)
          await aborted
          if (typeof outcome === "string") expect(outcome).toBe(`${id};`.repeat(pieces))
          else if (outcome !== undefined) {
            // A POST on a kept connection that the server ends is not repeated.
            expect(String(outcome)).toMatch(/aborted|the server closed the connection|the connection failed/)
          }
        })
      )
      // As many requests as places are under way at once; GET, because the server may have ended a connection.
      const rest = Array.from({ length: maxConnections }, () => send({ method: "GET", target: "/held" }))
      expect(await Promise.all(rest.map(async (each) => (await each).text()))).toEqual(rest.map(() => "held"))
    }),
    { numRuns: 60 }
  )
})
