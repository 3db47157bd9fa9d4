/** Applications behind the reverse proxy, over real connections: bodies, headers, and MCP. */
import { expect } from "bun:test"
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { gzipSync } from "node:zlib"
import { Context, Effect, Layer } from "effect"
import { Listener } from "../../layers/http/Listener.ts"
import { it } from "../support/effect.ts"
import { backend, publishing } from "../support/proxies.ts"
import { dial } from "../support/rawHttp.ts"
import { service } from "../support/service.ts"

const text = (response: Response) => Effect.promise(() => response.text())
const wait = <A>(promise: Promise<A>) => Effect.promise(() => promise)

/** What an application sees and answers. */
const echo = (request: Request): Response | Promise<Response> => {
  const { pathname } = new URL(request.url)
  switch (pathname) {
    case "/cookies": {
      const headers = new Headers({
        "x-multi": "1",
        connection: "x-secret",
        "x-secret": "1",
        "keep-alive": "timeout=5"
      })
      headers.append("set-cookie", "a=1; Path=/")
      headers.append("set-cookie", "b=2; Path=/")
      return new Response("c", { status: 201, headers })
    }
    case "/redirect":
      return new Response(null, { status: 302, headers: { location: "/elsewhere?a=1" } })
    case "/not-modified":
      return new Response(null, { status: 304, headers: { etag: '"1"' } })
    case "/gzip":
      return new Response(gzipSync("compressed"), {
        headers: { "content-encoding": "gzip", "content-type": "text/plain" }
      })
    case "/range": {
      const range = request.headers.get("range")
      return new Response("bcd", {
        status: 206,
        headers: { "content-range": "bytes 1-3/5", "x-range": range ?? "" }
      })
    }
    case "/length":
      return request.arrayBuffer().then((body) =>
        Response.json({
          bytes: body.byteLength,
          length: request.headers.get("content-length"),
          encoding: request.headers.get("transfer-encoding")
        })
      )
    default:
      return new Response("hello")
  }
}

it.live("responses pass unchanged: status, cookies, redirects, encodings, ranges, HEAD and OPTIONS", () =>
  Effect.gen(function* () {
    const app = yield* backend(echo)
    const { request } = yield* publishing(app.url)
    const cookies = yield* wait(request("/cookies"))
    expect([cookies.status, cookies.headers.getSetCookie(), cookies.headers.get("x-multi")]).toEqual([
      201,
      ["a=1; Path=/", "b=2; Path=/"],
      "1"
    ])
    expect([cookies.headers.get("x-secret"), cookies.headers.get("keep-alive")]).toEqual([null, null])
    expect(cookies.headers.get("content-security-policy")).toBeNull()
    const redirect = yield* wait(request("/redirect"))
    expect([redirect.status, redirect.headers.get("location")]).toEqual([302, "/elsewhere?a=1"])
    const unchanged = yield* wait(request("/not-modified"))
    expect([unchanged.status, unchanged.headers.get("etag")]).toEqual([304, '"1"'])
    const gzip = yield* wait(request("/gzip"))
    expect([gzip.headers.get("content-encoding"), yield* text(gzip)]).toEqual(["gzip", "compressed"])
    const range = yield* wait(request("/range", { headers: { range: "bytes=1-3" } }))
    expect([
      range.status,
      range.headers.get("content-range"),
      range.headers.get("x-range"),
      yield* text(range)
    ]).toEqual([206, "bytes 1-3/5", "bytes=1-3", "bcd"])
    const head = yield* wait(request("/", { method: "HEAD" }))
    expect([head.status, head.headers.get("content-length"), yield* text(head)]).toEqual([200, "5", ""])
    yield* wait(
      request("/a/b%20c?q=1&r=%2F", { method: "OPTIONS", headers: { origin: "https://other.example" } })
    )
    expect(app.requests.at(-1)).toMatchObject({ method: "OPTIONS", path: "/a/b%20c?q=1&r=%2F" })
  })
)

it.live("statements about the client are ours: forged ones and hop-by-hop headers are removed", () =>
  Effect.gen(function* () {
    const app = yield* backend(echo)
    const { port, request } = yield* publishing(app.url, {
      set_headers: { "x-team": "blue" },
      remove_headers: ["x-unwanted"]
    })
    yield* wait(
      request("/h", {
        headers: {
          "x-forwarded-for": "6.6.6.6",
          "x-forwarded-user": "root",
          forwarded: "for=6.6.6.6",
          "x-real-ip": "6.6.6.6",
          "x-auth-request-user": "root",
          "remote-user": "root",
          "x-auth-token": "for the application",
          authorization: "Bearer for-the-application",
          connection: "close, X-Secret",
          "x-secret": "1",
          te: "trailers",
          "proxy-authorization": "Basic x",
          "x-unwanted": "1",
          "x-team": "red",
          "user-agent": "test"
        }
      })
    )
    const headers: Record<string, string> = app.requests.at(-1)?.headers ?? {}
    const { via, ...shown } = headers
    for (const name of ["connection", "accept", "accept-encoding"]) delete shown[name]
    expect(shown).toEqual({
      host: "app.example.com",
      "user-agent": "test",
      authorization: "Bearer for-the-application",
      "x-auth-token": "for the application",
      "x-team": "blue",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-host": "app.example.com",
      "x-forwarded-proto": "http",
      "x-real-ip": "127.0.0.1",
      "x-request-id": expect.stringMatching(/^[\w-]{36}$/),
      forwarded: 'for=127.0.0.1;host="app.example.com";proto=http'
    })
    expect(via).toMatch(/^1\.1 manifold-[\w-]{36}$/)

    // Over a trusted proxy, what it says about the client is kept.
    const behind = yield* publishing(
      app.url,
      { preserve_host: false },
      { server: { trusted_proxies: ["127.0.0.1"] } }
    )
    yield* wait(
      behind.request("/h", {
        headers: {
          "x-forwarded-for": "192.0.2.9",
          "x-forwarded-proto": "https",
          "x-forwarded-host": "public.example"
        }
      })
    )
    expect(app.requests.at(-1)?.headers).toMatchObject({
      host: `127.0.0.1:${app.port}`,
      "x-forwarded-for": "192.0.2.9, 127.0.0.1",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "public.example"
    })
    expect(port).not.toBe(behind.port)
  })
)

it.live("the path of the target is put before that of the request, which cannot leave it", () =>
  Effect.gen(function* () {
    const app = yield* backend(
      ({ url }) => new Response("x", { headers: { location: `${new URL(url).origin}/base/next` } })
    )
    const { port, request } = yield* publishing(`${app.url}/base/`, { preserve_host: false })
    const response = yield* wait(request("/a?b=c"))
    expect(response.headers.get("location")).toBe("/next")
    const connection = dial(port)
    connection.write("GET /../%2e%2e/secret HTTP/1.1\r\nHost: app.example.com\r\n\r\n")
    expect((yield* wait(connection.next())).status).toBe(200)
    connection.end()
    expect(app.requests.slice(-2).map(({ path }) => path)).toEqual(["/base/a?b=c", "/base/secret"])
  })
)

it.live("bodies of any size pass both ways, with their length or chunked", () =>
  Effect.gen(function* () {
    const app = yield* backend((request) =>
      new URL(request.url).pathname === "/echo" ? new Response(request.body) : echo(request)
    )
    const { request } = yield* publishing(app.url, { max_body_bytes: 20_000_000 })
    for (const size of [0, 1, 65_536, 65_537, 12_000_000]) {
      const sent = yield* wait(request("/length", { method: "POST", body: new Uint8Array(size) }))
      expect(yield* wait(sent.json())).toEqual({ bytes: size, length: String(size), encoding: null })
    }
    const chunks = () =>
      new ReadableStream<Uint8Array>({
        start: (controller) => {
          for (let index = 0; index < 100; index++) controller.enqueue(new Uint8Array(10_000).fill(index))
          controller.close()
        }
      })
    const chunked = yield* wait(request("/length", { method: "POST", body: chunks() }))
    expect(yield* wait(chunked.json())).toEqual({ bytes: 1_000_000, length: null, encoding: "chunked" })
    const echoed = yield* wait(request("/echo", { method: "PUT", body: chunks() }))
    const bytes = new Uint8Array(yield* wait(echoed.arrayBuffer()))
    expect([bytes.byteLength, bytes[0], bytes[999_999]]).toEqual([1_000_000, 0, 99])
    for (const body of [new Uint8Array(20_000_001), Bun.file("/dev/zero").stream()]) {
      const rejected = yield* wait(request("/length", { method: "POST", body }).catch(() => undefined))
      // A client that still sends may see the connection close first.
      if (rejected !== undefined) expect(rejected.status).toBe(413)
    }
  })
)

it.live("an MCP server behind the proxy serves sessions, and streams of the server", () =>
  Effect.gen(function* () {
    const token = "0123456789abcdef0123456789abcdef"
    const upstream = yield* Layer.build(service({ auth: { tokens: [{ name: "app", token }] } }))
    const { request: _, port } = yield* publishing(Context.get(upstream, Listener).url, {
      preserve_host: false
    })
    const mcp = new Client({ name: "test", version: "1" })
    const transport = new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/mcp`), {
      requestInit: { headers: { host: "app.example.com", authorization: `Bearer ${token}` } }
    })
    yield* wait(mcp.connect(transport))
    const result = yield* wait(mcp.callTool({ name: "math.add", arguments: { a: 2, b: 3 } }))
    expect(result.structuredContent).toEqual({ result: 5 })
    yield* wait(mcp.close())
  })
)
