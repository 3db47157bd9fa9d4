/** `/health`, `/info` and `/metrics` of the real service: responses, access control, TLS, and telemetry. */
import { describe, expect, test } from "bun:test"
import { Effect, Schema, type Layer, type Scope } from "effect"
import { Health } from "../../../layers/health/Health.ts"
import { Listener } from "../../../layers/http/Listener.ts"
import { certificateFiles, machine, possible } from "../../support/certificate.ts"
import { collector } from "../../support/collector.ts"
import { curl } from "../../support/curl.ts"
import { it } from "../../support/effect.ts"
import { parse } from "../../support/prometheusText.ts"
import { endpoint, openSession, post, readJson, service, stateless } from "../../support/service.ts"
import { raw } from "../../support/rawHttp.ts"
import { webSocket } from "../../support/webSocket.ts"

class NoKey extends Schema.TaggedError<NoKey>()("NoKey", {}) {
  override get message() {
    return "no key"
  }
}

const token = "a-token-of-more-than-thirty-two-characters"
const caller = "another-token-that-may-only-call-and-not-read"
const guarded = {
  auth: {
    tokens: [
      { name: "reader", token },
      { name: "caller", token: caller, scopes: ["call"] }
    ]
  }
}

type Running = Layer.Success<ReturnType<typeof service>>
const running = <A, E>(
  body: Effect.Effect<A, E, Running | Scope.Scope>,
  config: Record<string, unknown> = {}
) => Effect.provide(body, service(config))

const get = Effect.fnUntraced(function* (path: string, bearer?: string, init: RequestInit = {}) {
  const { url } = yield* Listener
  const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }
  return yield* Effect.promise(() => fetch(url + path, { ...init, headers }))
})
const text = (response: Response) => Effect.promise(() => response.text())

describe("/health", () => {
  it.live("returns the health of the program and its parts, and the number of clients", () =>
    running(
      Effect.gen(function* () {
        yield* openSession(yield* endpoint)
        for (const path of ["/health", "/health/ready"]) {
          const response = yield* get(path)
          expect(response.status).toBe(200)
          expect(yield* readJson(response)).toEqual({
            status: "healthy",
            timestamp: expect.stringMatching(/^\d{4}-.*Z$/) as unknown,
            version: expect.any(String) as unknown,
            uptime_ms: expect.any(Number) as unknown,
            active_clients: 1,
            parts: { storage: { status: "ok" }, templates: { status: "ok" } }
          })
        }
        expect(yield* readJson(yield* get("/health/live"))).toEqual({ status: "alive" })
      })
    )
  )

  it.live("returns 200 and degraded while an optional part fails", () =>
    running(
      Effect.gen(function* () {
        const health = yield* Health
        yield* health.add("redis", Effect.fail(new NoKey()), { optional: true })
        for (const path of ["/health", "/health/ready"]) {
          const response = yield* get(path)
          expect(response.status).toBe(200)
          expect(yield* readJson(response)).toMatchObject({
            status: "degraded",
            parts: { redis: { status: "failing" } }
          })
        }
      })
    )
  )

  it.live("counts the clients of every transport", () =>
    running(
      Effect.gen(function* () {
        const { url } = yield* Listener
        const counted = Effect.map(
          Effect.flatMap(get("/health"), readJson),
          (found) => found["active_clients"]
        )
        expect(yield* counted).toBe(0)
        yield* openSession(yield* endpoint)
        const leave = yield* Effect.acquireRelease(
          Effect.sync(() => new AbortController()),
          (controller) => Effect.sync(() => controller.abort())
        )
        const { signal } = leave
        yield* Effect.promise(() => fetch(`${url}/mcp/sse`, { signal }))
        yield* Effect.promise(() => fetch(`${url}/stream`, { signal }))
        yield* webSocket(new URL(`${url.replace("http", "ws")}/mcp/ws`))
        const { body, headers } = stateless(1, "subscriptions/listen", {
          notifications: { toolsListChanged: true }
        })
        yield* post(yield* endpoint, body, headers, signal)
        expect(yield* counted).toBe(5)
      }).pipe(Effect.scoped)
    )
  )

  it.live("returns 503 when a part fails or the program drains, while /health/live returns 200", () =>
    running(
      Effect.gen(function* () {
        const health = yield* Health
        yield* health.add("model", Effect.fail(new NoKey()))
        const failing = yield* get("/health")
        expect(failing.status).toBe(503)
        expect(yield* readJson(failing)).toMatchObject({
          status: "unhealthy",
          parts: { model: { status: "failing", detail: "no key" } }
        })
        yield* health.drain
        const draining = yield* get("/health/ready")
        expect([draining.status, (yield* readJson(draining))["status"]]).toEqual([503, "draining"])
        expect((yield* get("/health/live")).status).toBe(200)
      })
    )
  )

  it.live("returns only the status without the scope read", () =>
    running(
      Effect.gen(function* () {
        yield* (yield* Health).add("model", Effect.fail(new NoKey()))
        for (const bearer of [undefined, "wrong", caller]) {
          const response = yield* get("/health", bearer)
          expect(response.status).toBe(503)
          expect(yield* readJson(response)).toEqual({ status: "unhealthy" })
        }
        expect(yield* readJson(yield* get("/health", token))).toHaveProperty("parts")
      }),
      guarded
    )
  )
})

it.live("/health/live and /health/ready accept any Host and return only the status", () =>
  running(
    Effect.gen(function* () {
      const { port } = yield* Listener
      for (const path of ["/health/live", "/health/ready"]) {
        const probes = [`GET ${path} HTTP/1.1\r\nHost: 10.1.2.3:8000\r\n\r\n`, `GET ${path} HTTP/1.0\r\n\r\n`]
        for (const probe of probes) {
          const { body, status } = yield* Effect.promise(() => raw(port, probe))
          expect([status, Object.keys(JSON.parse(body))]).toEqual([200, ["status"]])
        }
      }
      const { status } = yield* Effect.promise(() =>
        raw(port, "GET /health HTTP/1.1\r\nHost: 10.1.2.3\r\n\r\n")
      )
      expect(status).toBe(421)
    })
  )
)

describe("/info", () => {
  it.live("needs no token over loopback, except behind a proxy", () =>
    running(
      Effect.gen(function* () {
        const { url } = yield* Listener
        const status = (headers: Record<string, string>) =>
          Effect.promise(() => fetch(`${url}/info`, { headers }).then((response) => response.status))
        expect(yield* status({})).toBe(200)
        expect(yield* status({ "x-forwarded-for": "127.0.0.1" })).toBe(401)
        expect(yield* status({ forwarded: "for=127.0.0.1" })).toBe(401)
        expect(yield* status({ host: "mcp.example.com" })).toBe(401)
      }),
      { server: { allowed_hosts: ["mcp.example.com"] } }
    )
  )

  it.live("returns protocol revisions, transports, limits and counts, without secrets", () =>
    running(
      Effect.gen(function* () {
        const response = yield* get("/info", token)
        const body = yield* text(response)
        expect(JSON.parse(body)).toMatchObject({
          name: "manifold",
          protocol_revisions: expect.arrayContaining(["2026-07-28", "2025-11-25", "2024-11-05"]) as unknown,
          transports: [{ path: "/mcp" }, { path: "/mcp/sse" }, { path: "/mcp/ws" }],
          capabilities: { tools: {} },
          limits: { max_message_bytes: 4 * 1024 * 1024, sessions_max: 7 },
          counts: { tools: expect.any(Number) as unknown, resources: 2, sessions: 0 }
        })
        expect(body).not.toContain(token)
        expect(body).not.toContain(caller)
      }),
      { ...guarded, mcp: { sessions: { max: 7 }, page_size: 2 } }
    )
  )
})

describe("/metrics", () => {
  it.live("returns Prometheus text with counts of requests, sessions and sockets", () =>
    running(
      Effect.gen(function* () {
        const url = yield* endpoint
        yield* openSession(url)
        yield* openSession(url)
        const { body, headers } = stateless(1, "tools/call", { name: "math.add", arguments: { a: 1, b: 2 } })
        yield* post(url, body, headers)
        yield* webSocket(new URL(url.href.replace(/^http/, "ws").concat("/ws")))
        yield* get("/nowhere")
        const response = yield* get("/metrics")
        expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8")
        const families = parse(yield* text(response))
        const value = (family: string, key = family) => families.get(family)?.samples.get(key)
        expect(value("manifold_sessions")).toBe(2)
        expect(value("manifold_sockets")).toBe(1)
        // Both sessions, and the WebSocket.
        expect(value("manifold_clients")).toBe(3)
        const requests = "manifold_http_requests_total"
        expect(value(requests, `${requests}{method="POST",status="2xx"}`)).toBe(5)
        expect(value(requests, `${requests}{method="GET",status="4xx"}`)).toBe(1)
        expect(value(requests, `${requests}{method="GET",status="1xx"}`)).toBe(1)
        expect(value("manifold_http_requests_running")).toBe(1)
        const calls = "manifold_calls_total"
        expect(value(calls, `${calls}{kind="tool",name="math.add",status="succeeded"}`)).toBe(1)
        expect(value("manifold_circuits", 'manifold_circuits{state="open"}')).toBe(0)
        const times = "manifold_http_request_duration_seconds"
        expect(value(times, `${times}_count{method="POST"}`)).toBe(5)
        for (const name of [
          "process_resident_memory_bytes",
          "process_cpu_seconds_total",
          "process_start_time_seconds",
          "manifold_event_loop_delay_seconds",
          "manifold_build_info"
        ]) {
          expect(families.has(name)).toBe(true)
        }
      })
    )
  )

  it.live("passes promtool check metrics, if promtool is installed", () =>
    running(
      Effect.gen(function* () {
        if (Bun.which("promtool") === null) return
        yield* openSession(yield* endpoint)
        const page = yield* text(yield* get("/metrics"))
        const complaints = yield* Effect.promise(async () => {
          const tool = Bun.spawn(["promtool", "check", "metrics"], {
            stdin: Buffer.from(page),
            stderr: "pipe"
          })
          const output = await new Response(tool.stderr).text()
          return { output, code: await tool.exited }
        })
        expect(complaints).toEqual({ output: "", code: 0 })
      })
    )
  )
})

describe("the read-only endpoints", () => {
  it.live("require a credential, the scope read, and GET or HEAD", () =>
    running(
      Effect.gen(function* () {
        for (const path of ["/info", "/metrics", "/stream"]) {
          const stranger = yield* get(path)
          expect([path, stranger.status]).toEqual([path, 401])
          expect(stranger.headers.get("www-authenticate")).toContain("Bearer")
          const lacking = yield* get(path, caller)
          expect([path, lacking.status]).toEqual([path, 403])
          expect(lacking.headers.get("www-authenticate")).toContain('scope="mcp:read"')
          const head = yield* get(path, token, { method: "HEAD" })
          expect([path, head.status, yield* text(head)]).toEqual([path, 200, ""])
        }
        for (const path of ["/health", "/health/live", "/info", "/metrics", "/stream"]) {
          const wrong = yield* get(path, token, { method: "POST" })
          expect([path, wrong.status, wrong.headers.get("allow")]).toEqual([path, 405, "GET, HEAD, OPTIONS"])
        }
      }),
      guarded
    )
  )
})

describe("the HTTP service with TLS", () => {
  test.skipIf(!possible)("serves HTTP/2 with PEM files, and fails to start with a mismatched pair", () =>
    Effect.gen(function* () {
      const files = yield* certificateFiles()
      const other = yield* certificateFiles()
      yield* running(
        Effect.gen(function* () {
          const { url } = yield* Listener
          expect(url).toStartWith("https://")
          const answer = yield* curl(`${url}/health`, "--http2", "--cacert", files.cert_file)
          expect([answer.version, answer.status]).toEqual(["2", 200])
          expect(answer.headers.has("strict-transport-security")).toBe(true)
        }),
        { server: { tls: files, http3: true } }
      )
      const error = yield* Effect.flip(
        running(Effect.void, { server: { tls: { ...files, key_file: other.key_file } } })
      )
      expect(error).toMatchObject({ _tag: "CertificateError", reason: "mismatched" })
    }).pipe(Effect.scoped, Effect.provide(machine), Effect.runPromise)
  )

  it.live("requires both files", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(running(Effect.void, { server: { tls: { cert_file: "/x" } } }))
      expect((error as Error).message).toContain("server.tls.key_file")
    })
  )
})

it.live("a call is a span in its caller's trace, and its log lines carry the trace id", () =>
  Effect.gen(function* () {
    const got = yield* collector()
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    yield* running(
      Effect.gen(function* () {
        const { body, headers } = stateless(1, "tools/call", { name: "math.add", arguments: { a: 1, b: 2 } })
        yield* post(yield* endpoint, body, { ...headers, traceparent: `00-${trace}-00f067aa0ba902b7-01` })
      }),
      { telemetry: { otlp: { endpoint: got.url } }, logging: { level: "info" } }
    )
    expect(got.spans).toMatchObject([
      { name: "tools/call math.add", traceId: trace, parentSpanId: "00f067aa0ba902b7", status: { code: 1 } }
    ])
    expect(got.logs.map(({ traceId }) => traceId)).toContain(trace)
    expect(got.metrics.get("manifold_calls_total")?.sum?.dataPoints).toHaveLength(1)
  })
)

it.live("calls succeed while the collector is unreachable", () =>
  running(
    Effect.gen(function* () {
      const { body, headers } = stateless(1, "tools/call", { name: "math.add", arguments: { a: 1, b: 2 } })
      const response = yield* post(yield* endpoint, body, headers)
      expect(yield* readJson(response)).toMatchObject({ result: { structuredContent: { result: 3 } } })
    }),
    // The discard port (RFC 863): no listener.
    { telemetry: { otlp: { endpoint: "http://127.0.0.1:9" } } }
  )
)
