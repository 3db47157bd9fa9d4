/** Applications behind the reverse proxy that fail, hang or answer wrongly; loops, and limits. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { it } from "../support/effect.ts"
import { backend, publish, publishing } from "../support/proxies.ts"
import { rawSite } from "../support/sites.ts"

const wait = <A>(promise: Promise<A>) => Effect.promise(() => promise)
const text = (response: Response) => wait(response.text())
const hello = () => new Response("hello")

it.live("a target that is dead, closes early, answers nonsense or half an answer", () =>
  Effect.gen(function* () {
    const dead = yield* backend(hello)
    const { request, running } = yield* publishing(dead.url)
    yield* wait(dead.stop())
    const browser = yield* wait(request("/", { headers: { accept: "text/html,*/*;q=0.8" } }))
    expect([browser.status, browser.headers.get("content-type")]).toEqual([502, "text/html; charset=utf-8"])
    expect(yield* text(browser)).toContain("<h1>Application not reachable</h1>")
    const plain = yield* wait(request("/"))
    expect([plain.status, plain.headers.get("content-type")]).toEqual([502, "text/plain; charset=utf-8"])
    expect(yield* text(plain)).not.toContain("127.0.0.1")
    // After five failures the circuit is open.
    for (let index = 0; index < 3; index++) expect((yield* wait(request("/"))).status).toBe(502)
    const open = yield* wait(request("/"))
    expect([open.status, Number(open.headers.get("retry-after"))]).toEqual([503, 1])

    const answers: Readonly<Record<string, string | undefined>> = {
      closes: "",
      nonsense: "hello\r\n\r\n",
      switches: "HTTP/1.1 101 Switching Protocols\r\n\r\n"
    }
    for (const [name, answer] of Object.entries(answers)) {
      const raw = yield* rawSite((socket) => socket.end(answer ?? ""))
      const hostname = `${name}.example.com`
      yield* Effect.provideContext(publish({ hostname, target_url: `http://127.0.0.1:${raw.port}` }), running)
      const response = yield* wait(request("/", { method: "POST", headers: { host: hostname }, body: "x" }))
      expect([name, response.status]).toEqual([name, 502])
      // A request that may have taken effect is not repeated.
      expect([name, raw.connections()]).toEqual([name, 1])
    }
    for (const [name, half] of [
      ["short", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf"],
      ["few", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"],
      ["chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
    ] as const) {
      const raw = yield* rawSite((socket) => socket.end(half))
      const hostname = `${name}.example.com`
      yield* Effect.provideContext(publish({ hostname, target_url: `http://127.0.0.1:${raw.port}` }), running)
      const outcome = yield* wait(
        request("/", { headers: { host: hostname } })
          .then(async (response) => (response.status === 200 ? await response.text() : response.status))
          .catch(() => "incomplete")
      )
      // A short body is read before the response begins.
      expect([name, outcome]).toEqual([name, name === "few" ? 502 : "incomplete"])
    }
  })
)

it.live("a target that does not answer is 504, and one that falls silent ends the response", () =>
  Effect.gen(function* () {
    const silent = yield* rawSite(() => {})
    const half = yield* rawSite((socket) =>
      socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
    )
    const app = yield* backend(hello)
    const { request, running } = yield* publishing(app.url)
    const limits = { response_timeout: 0.3, idle_timeout: 0.3 }
    for (const [name, { port }] of [
      ["silent", silent],
      ["half", half]
    ] as const) {
      yield* Effect.provideContext(
        publish({ hostname: `${name}.example.com`, target_url: `http://127.0.0.1:${port}`, ...limits }),
        running
      )
    }
    const late = yield* wait(request("/", { headers: { host: "silent.example.com" } }))
    expect(late.status).toBe(504)
    yield* silent.closed
    const cut = yield* wait(request("/", { headers: { host: "half.example.com" } }))
    expect(cut.status).toBe(200)
    expect(yield* wait(cut.text().catch(() => "incomplete"))).toBe("incomplete")
    yield* half.closed
  })
)

it.live("an idempotent request is repeated once if the target closes a connection without an answer", () =>
  Effect.gen(function* () {
    let asked = 0
    const raw = yield* rawSite((socket) => {
      asked++
      if (asked === 1) socket.destroy()
      else socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    })
    const app = yield* backend(hello)
    const { request, running } = yield* publishing(app.url)
    yield* Effect.provideContext(
      publish({ hostname: "raw.example.com", target_url: `http://127.0.0.1:${raw.port}` }),
      running
    )
    const response = yield* wait(request("/", { headers: { host: "raw.example.com" } }))
    expect([response.status, yield* text(response), raw.connections()]).toEqual([200, "ok", 2])
  })
)

it.live("a loop is 508, an unknown host 421, and too many requests 503 or 429", () =>
  Effect.gen(function* () {
    const held = Promise.withResolvers<void>()
    const app = yield* backend((request) =>
      new URL(request.url).pathname === "/hold"
        ? held.promise.then(() => new Response("released"))
        : new Response("x")
    )
    const { port, request, running } = yield* publishing(
      app.url,
      { max_requests: 2 },
      { edge: { max_requests_per_address: 3 } }
    )
    const publishMore = (hostname: string, target_url: string) =>
      Effect.provideContext(publish({ hostname, target_url }), running)
    yield* publishMore("loop.example.com", `http://127.0.0.1:${port}`)
    yield* publishMore("b.example.com", app.url)
    const at = (host: string, path = "/") => request(path, { headers: { host } })
    expect((yield* wait(at("loop.example.com"))).status).toBe(508)
    expect((yield* wait(at("nobody.example.com"))).status).toBe(421)
    const holding = [request("/hold"), request("/hold"), at("b.example.com", "/hold")]
    // The fourth request at the same time; the table and the connections are ready by now.
    const arrived = () => app.requests.filter(({ path }) => path === "/hold").length
    while (arrived() < 3) yield* Effect.promise(() => Bun.sleep(1))
    const full = yield* wait(request("/"))
    expect([full.status, full.headers.get("retry-after")]).toEqual([503, "1"])
    expect((yield* wait(at("b.example.com"))).status).toBe(429)
    held.resolve()
    for (const each of holding) expect(yield* wait(each.then((response) => response.text()))).toBe("released")
    expect((yield* wait(request("/"))).status).toBe(200)
  })
)
