/** Log lines and metrics of proxied requests, and the end of event streams at shutdown. */
import { expect } from "bun:test"
import { Context, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { Listener } from "../../layers/http/Listener.ts"
import { LogRing } from "../../layers/logging/LogRing.ts"
import { it } from "../support/effect.ts"
import { backend, publish, publishing } from "../support/proxies.ts"
import { service } from "../support/service.ts"

const wait = <A>(promise: Promise<A>) => Effect.promise(() => promise)

it.live("each request has a line in the log without its query, and counts for its host", () =>
  Effect.gen(function* () {
    const app = yield* backend(({ url }) =>
      new URL(url).pathname === "/missing"
        ? new Response("no", { status: 404 })
        : new Response("x".repeat(10))
    )
    const { port, request, running } = yield* publishing(app.url, {}, { logging: { level: "info" } })
    yield* wait(
      request("/page?token=secret", { headers: { "x-request-id": "known-id" } }).then((r) => r.text())
    )
    yield* wait(request("/other", { method: "DELETE" }).then((response) => response.text()))
    yield* Effect.provideContext(
      publish({ hostname: "dead.example.com", target_url: "http://127.0.0.1:9" }),
      running
    )
    yield* wait(request("/", { headers: { host: "dead.example.com" } }).then((response) => response.text()))
    const found = yield* Context.get(running, LogRing).query({})
    const lines = found.filter(({ message }) => message === "request proxied")
    expect(lines).toMatchObject([
      {
        level: "info",
        request_id: "known-id",
        host: "app.example.com",
        method: "GET",
        path: "/page",
        client: "127.0.0.1",
        status: 200,
        bytes: 10,
        duration_ms: expect.any(Number)
      },
      { level: "info", method: "DELETE", status: 200 },
      { level: "warn", host: "dead.example.com", status: 502, error: "ECONNREFUSED" }
    ])
    expect(JSON.stringify(lines)).not.toContain("secret")
    const metrics = yield* wait(fetch(`http://127.0.0.1:${port}/metrics`).then((response) => response.text()))
    expect(metrics).toContain('manifold_proxy_requests_total{host="app.example.com",status="2xx"} 2')
    expect(metrics).toContain('manifold_proxy_requests_total{host="dead.example.com",status="5xx"} 1')
    expect(metrics).toContain("manifold_proxies 2")
    expect(metrics).toContain("manifold_proxy_requests_running 0")
  })
)

it.live("event streams end at shutdown, and other responses are finished", () =>
  Effect.gen(function* () {
    const release = Promise.withResolvers<void>()
    const app = yield* backend(({ url }) => {
      const type = new URL(url).pathname === "/events" ? "text/event-stream" : "text/plain"
      return new Response(
        new ReadableStream({
          start: async (controller) => {
            controller.enqueue(new TextEncoder().encode("data: 1\n\n"))
            await release.promise
            if (type === "text/event-stream") return
            controller.enqueue(new TextEncoder().encode("end"))
            controller.close()
          }
        }),
        { headers: { "content-type": type } }
      )
    })
    const scope = yield* Scope.make()
    const running = yield* Layer.build(service()).pipe(Scope.provide(scope))
    yield* Effect.provideContext(publish({ hostname: "app.example.com", target_url: app.url }), running)
    const { url } = Context.get(running, Listener)
    const get = (path: string) => fetch(new URL(path, url), { headers: { host: "app.example.com" } })
    const events = yield* wait(get("/events"))
    const ended = events.text().catch(() => "cut")
    const other = yield* wait(get("/other"))
    const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
    yield* wait(ended)
    release.resolve()
    expect(yield* wait(other.text())).toBe("data: 1\n\nend")
    yield* Fiber.join(closing)
  })
)
