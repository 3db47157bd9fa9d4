/** The HTTP/1.1 client with servers that answer, stall, close and send too much. */
import { expect, test } from "bun:test"
import {
  chunk,
  chunked,
  client,
  errorOf,
  type Peer,
  put,
  readerOf,
  response,
  serve,
  stopListeners
} from "../../../support/httpPeers.ts"
import { ResponseReader } from "../../../../layers/platform/http1/ResponseReader.ts"

test("requests one after another use one connection, and at once several", async () => {
  const { peers, port } = serve((peer, request) => put(peer, response(request.split("\r\n\r\n")[1] ?? "")))
  const send = client(port)
  for (const body of ["one", "two", "three"]) expect(await (await send({ body })).text()).toBe(body)
  expect(peers.map(({ data }) => data.requests)).toEqual([3])
  const all = await Promise.all(["a", "b", "c"].map(async (body) => (await send({ body })).text()))
  expect(all).toEqual(["a", "b", "c"])
  expect(peers.map(({ data }) => data.requests)).toEqual([4, 1, 1])
})

test("status, reason and headers are the server's, also of a redirect", async () => {
  const { port } = serve((peer) =>
    put(
      peer,
      "HTTP/1.1 307 Over There\r\nlocation: /b\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n"
    )
  )
  const { headers, status, statusText } = await client(port)()
  expect([status, statusText, headers.get("location"), headers.getSetCookie()]).toEqual([
    307,
    "Over There",
    "/b",
    ["a=1", "b=2"]
  ])
})

test("a connection is not used again that the server closes, or on which it sends more than the response", async () => {
  const extra = ["", "surplus"]
  const { peers, port } = serve((peer) => {
    const fields = peer.data.number === 0 ? ["connection: close"] : []
    put(peer, response("x", ...fields) + (extra[peer.data.number] ?? ""))
  })
  const send = client(port)
  for (let count = 0; count < 4; count++) expect(await (await send()).text()).toBe("x")
  expect(peers.map(({ data }) => data.requests)).toEqual([1, 1, 2])
  await peers[0]?.data.ended.promise
  await peers[1]?.data.ended.promise
})

test("a free connection is closed when anything arrives on it", async () => {
  const { peers, port } = serve((peer) => put(peer, response("x")))
  const send = client(port)
  await send()
  const [first] = peers
  if (first === undefined) throw new Error("no connection")
  put(first, response("unasked"))
  await first.data.ended.promise
  expect(await (await send()).text()).toBe("x")
  expect(peers).toHaveLength(2)
})

test("a free connection is not used after the time that the client or the server keeps it", async () => {
  for (const [options, field] of [
    [{ keepFor: -1 }, "x-none: 1"],
    [{}, "keep-alive: timeout=0"]
  ] as const) {
    const { peers, port } = serve((peer) => put(peer, response("x", field)))
    const send = client(port, options)
    await send()
    await send()
    expect(peers).toHaveLength(2)
    await peers[0]?.data.ended.promise
  }
})

test("free connections are limited", async () => {
  const { peers, port } = serve((peer) => put(peer, response("x")))
  const send = client(port, { maxFree: 1 })
  await Promise.all([send(), send(), send()])
  let open = peers.length
  await new Promise<void>((resolve) => {
    for (const { data } of peers) void data.ended.promise.then(() => (--open === 1 ? resolve() : undefined))
  })
  await send()
  expect(peers.map(({ data }) => data.requests).toSorted()).toEqual([1, 1, 2])
})

test("free connections are closed when they stay unused", async () => {
  const { peers, port } = serve((peer) => put(peer, response("x")))
  const send = client(port, { keepFor: 1, sweepEvery: 1 })
  await Promise.all([send(), send()])
  await Promise.all(peers.map(({ data }) => data.ended.promise))
  expect(peers).toHaveLength(2)
})

test("connections are limited, and further requests wait for their turn or their signal", async () => {
  const held: Array<Peer> = []
  const { peers, port } = serve((peer) => void held.push(peer))
  const send = client(port, { maxConnections: 1 })
  const first = send()
  const leaving = new AbortController()
  const second = send({ signal: leaving.signal })
  const third = send()
  leaving.abort(new Error("left"))
  expect(await errorOf(second)).toBe("left")
  while (held.length === 0) await new Promise((resolve) => setImmediate(resolve))
  put(held[0] as Peer, response("1"))
  expect(await (await first).text()).toBe("1")
  while (held.length === 1) await new Promise((resolve) => setImmediate(resolve))
  put(held[1] as Peer, response("3"))
  expect(await (await third).text()).toBe("3")
  expect(peers.map(({ data }) => data.requests)).toEqual([2])
})

test("a refused connection fails with the code of the system", async () => {
  const { port } = serve(() => {})
  stopListeners()
  expect(await client(port)().catch((error: unknown) => error)).toMatchObject({ code: "ECONNREFUSED" })
})

test("a POST is not repeated on a connection that closes before its response, a GET is", async () => {
  const { peers, port } = serve((peer) => {
    if (peer.data.number === 0 && peer.data.requests === 2) peer.end()
    else put(peer, response("x"))
  })
  const send = client(port)
  await send()
  expect(await errorOf(send())).toBe("the server closed the connection before its response")
  expect(peers).toHaveLength(1)

  const again = serve((peer) => {
    if (peer.data.number === 0 && peer.data.requests === 2) peer.terminate()
    else put(peer, response("y"))
  })
  const get = client(again.port)
  await get({ method: "GET" })
  expect(await (await get({ method: "GET" })).text()).toBe("y")
  expect(again.peers.map(({ data }) => data.requests)).toEqual([2, 1])
})

test("a GET whose response has begun, or on a new connection, is not repeated", async () => {
  const { peers, port } = serve((peer) => {
    if (peer.data.requests === 2) put(peer, "HTTP/1.1 200")
    else if (peer.data.number === 0) return put(peer, response("x"))
    peer.end()
  })
  const send = client(port)
  await send({ method: "GET" })
  expect(await errorOf(send({ method: "GET" }))).toBe("the server closed the connection within its response")
  expect(await errorOf(send({ method: "GET" }))).toBe("the server closed the connection before its response")
  expect(peers.map(({ data }) => data.requests)).toEqual([2, 1])
})

test("an invalid response fails, and closes the connection", async () => {
  const { peers, port } = serve((peer) => put(peer, "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"))
  expect(await errorOf(client(port)())).toBe("the response is not valid HTTP: header field")
  await peers[0]?.data.ended.promise
})

test("a signal ends a request before, while it waits, and within its body", async () => {
  const { peers, port } = serve((peer, request) => {
    if (request.includes("stream")) put(peer, chunked() + chunk("first"))
  })
  const send = client(port)
  expect(await errorOf(send({ signal: AbortSignal.abort(new Error("before")) }))).toBe("before")
  expect(peers).toHaveLength(0)

  const waiting = new AbortController()
  const request = send({ signal: waiting.signal })
  while ((peers[0]?.data.requests ?? 0) === 0) await new Promise((resolve) => setImmediate(resolve))
  waiting.abort(new Error("while waiting"))
  expect(await errorOf(request)).toBe("while waiting")
  await peers[0]?.data.ended.promise

  const reading = new AbortController()
  const reader = readerOf(await send({ target: "/stream", signal: reading.signal }))
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("first")
  const next = reader.read()
  reading.abort(new Error("within the body"))
  expect(await errorOf(next)).toBe("within the body")
  await peers[1]?.data.ended.promise
})

test("a stream arrives piece by piece, and its end frees the connection", async () => {
  const { peers, port } = serve((peer) => put(peer, chunked() + chunk("data: 1\n\n")))
  const send = client(port)
  const reader = readerOf(await send())
  const read = async () => Buffer.from((await reader.read()).value ?? []).toString()
  expect(await read()).toBe("data: 1\n\n")
  put(peers[0] as Peer, chunk("data: 2\n\n"))
  expect(await read()).toBe("data: 2\n\n")
  put(peers[0] as Peer, "0\r\n\r\n")
  expect((await reader.read()).done).toBe(true)
  await send()
  expect(peers).toHaveLength(1)
})

test("a stream that breaks off fails, and one that its reader cancels closes the connection", async () => {
  const { peers, port } = serve((peer) => put(peer, chunked() + chunk("x")))
  const send = client(port)
  const broken = readerOf(await send())
  await broken.read()
  peers[0]?.end()
  expect(await errorOf(broken.read())).toBe("the server closed the connection within its response")
  const left = readerOf(await send())
  await left.cancel()
  await peers[1]?.data.ended.promise
})

test("a body without framing ends with the connection", async () => {
  const { port } = serve((peer) => {
    put(peer, "HTTP/1.1 200 OK\r\n\r\nall of it")
    peer.end()
  })
  expect(await (await client(port)()).text()).toBe("all of it")
})

test("JSON is complete when the response begins, other bodies are not", async () => {
  for (const [type, begins] of [
    ["application/json", "pending"],
    ["text/event-stream", "fulfilled"]
  ] as const) {
    const none = () => {}
    const reader = new ResponseReader({
      method: "GET",
      onEventStream: none,
      pause: none,
      resume: none,
      cancel: none
    })
    reader.push(Buffer.from(chunked(type) + chunk('{"a":')))
    expect([type, Bun.peek.status(reader.response)]).toEqual([type, begins])
    reader.push(Buffer.from(`${chunk("1}")}0\r\n\r\n`))
    expect(await (await reader.response).json()).toEqual({ a: 1 })
  }
})

/** Every byte has a place: 8 bytes of a counter. */
const pattern = (size: number) => {
  const bytes = Buffer.alloc(size)
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32BE(at, at)
  return bytes
}

test("large bodies arrive whole both ways, and a slow reader stops the server", async () => {
  const size = 16 * 1024 * 1024
  const big = pattern(size)
  let arrived: Buffer | undefined
  const { peers, port } = serve((peer, request) => {
    arrived = Buffer.from(request.slice(request.indexOf("\r\n\r\n") + 4), "latin1")
    put(peer, Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`), big]))
  })
  const answer = await client(port)({ body: big.subarray(0, 4 * 1024 * 1024) })
  expect(arrived?.equals(big.subarray(0, 4 * 1024 * 1024))).toBe(true)
  const reader = readerOf(answer)
  const pieces = [(await reader.read()).value ?? new Uint8Array()]
  // The buffers of both systems are full, and nothing else moves.
  let before = -1
  while (before !== peers[0]?.data.unsent.byteLength) {
    before = peers[0]?.data.unsent.byteLength ?? 0
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  expect(before).toBeGreaterThan(size / 4)
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    pieces.push(value)
  }
  expect(Buffer.concat(pieces).equals(big)).toBe(true)
})

test("a check that fails ends the response, before or within its stream", async () => {
  const { peers, port } = serve((peer, request) =>
    put(peer, request.includes("/stream") ? chunked() + chunk("ok") : response("too much"))
  )
  const send = client(port)
  const checkOf = () => (bytes: Uint8Array) => {
    if (bytes.byteLength > 4) throw new Error("too large")
  }
  expect(await errorOf(send({ checkOf }))).toBe("too large")
  await peers[0]?.data.ended.promise
  const reader = readerOf(await send({ target: "/stream", checkOf }))
  await reader.read()
  put(peers[1] as Peer, chunk("too much"))
  expect(await errorOf(reader.read())).toBe("too large")
  await peers[1]?.data.ended.promise
})

test("a response before the end of its request is delivered, and ends the connection", async () => {
  const size = 32 * 1024 * 1024
  let opened = 0
  const listener = Bun.listen<{ hasResponded?: true }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        socket.data = {}
        opened++
      },
      data: (socket) => {
        if (socket.data.hasResponded) return
        socket.data.hasResponded = true
        socket.write(response("no"))
        socket.pause()
      }
    }
  })
  const send = client(listener.port)
  for (let count = 1; count <= 2; count++) {
    expect(await (await send({ body: new Uint8Array(size) })).text()).toBe("no")
    expect(opened).toBe(count)
  }
  listener.stop(true)
})

test("a process ends while connections are kept", async () => {
  const { port } = serve((peer) => put(peer, response("x")))
  const path = new URL("../../../../layers/platform/http1/Http1Client.ts", import.meta.url).pathname
  const script = `
    import { Http1Client } from ${JSON.stringify(path)}
    const request = { hostname: "127.0.0.1", port: ${port}, method: "GET", target: "/", host: "a", headers: [] }
    console.log(await (await new Http1Client().request(request)).text())`
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" })
  expect(await new Response(child.stdout).text()).toBe("x\n")
  expect(await child.exited).toBe(0)
})
