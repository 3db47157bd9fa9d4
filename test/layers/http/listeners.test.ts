/** Several listeners: separate ports, routes and trust, and a certificate that is replaced without a gap. */
import { expect, test } from "bun:test"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { Listener } from "../../../layers/http/Listener.ts"
import { type Route, Routes } from "../../../layers/http/Routes.ts"
import { Sites } from "../../../layers/http/Sites.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { certificate, machine, possible } from "../../support/certificate.ts"
import { it } from "../../support/effect.ts"
import { defaults } from "../../support/listener.ts"
import { raw } from "../../support/rawHttp.ts"

const services = Layer.mergeAll(Routes.layer, Sites.layer, Ids.layer)

const ask = (port: number, host: string, path = "/x") =>
  Effect.promise(() => raw(port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`))

it.live("listeners share routes and sites, except one with separate routes", () =>
  Effect.gen(function* () {
    const routes = yield* Routes
    const sites = yield* Sites
    const probe: Route = {
      paths: ["/x"],
      fetch: (_, { loopback }) => new Response(`shared ${loopback}`)
    }
    yield* routes.add(probe)
    yield* sites.add({ hosts: ["app.test"], fetch: () => new Response("site") })
    const own = Context.get(yield* Layer.build(Layer.fresh(Routes.layer)), Routes)
    yield* own.add({ paths: ["/x"], fetch: () => new Response("own") })
    const first = yield* Listener.open(defaults)
    const second = yield* Listener.open({ ...defaults, trustLoopback: false })
    const third = yield* Listener.open({ ...defaults, routes: own })
    expect((yield* ask(first.port, "localhost")).body).toBe("shared true")
    expect((yield* ask(second.port, "localhost")).body).toBe("shared false")
    expect((yield* ask(third.port, "localhost")).body).toBe("own")
    for (const { port } of [first, second, third]) {
      expect((yield* ask(port, "app.test")).body).toBe("site")
    }
  }).pipe(Effect.provide(services))
)

it.live("stopping one listener keeps the other, and a taken port is a ListenError", () =>
  Effect.gen(function* () {
    yield* (yield* Routes).add({ paths: ["/x"], fetch: () => new Response("here") })
    const first = yield* Listener.open(defaults)
    expect(yield* Effect.flip(Listener.open({ ...defaults, port: first.port }))).toMatchObject({
      _tag: "ListenError",
      reason: "InUse"
    })
    const scope = yield* Scope.make()
    const second = yield* Scope.provide(Listener.open(defaults), scope)
    expect((yield* ask(second.port, "localhost")).body).toBe("here")
    yield* Scope.close(scope, Exit.void)
    expect((yield* ask(second.port, "localhost")).status).toBe(0)
    expect((yield* ask(first.port, "localhost")).body).toBe("here")
  }).pipe(Effect.provide(services))
)

test.skipIf(!possible)(
  "after a certificate is replaced, a running stream continues and new connections get the new one",
  () =>
    Effect.gen(function* () {
      const stream = { drained: false, push: (_: string) => {} }
      yield* (yield* Routes).add({
        paths: ["/events"],
        fetch: (_, { keepOpen }) => {
          keepOpen()
          const body = new ReadableStream<string>({
            start: (controller) => {
              stream.push = (text) => controller.enqueue(text)
              controller.enqueue("data: first\n\n")
            }
          })
          return new Response(body, { headers: { "content-type": "text/event-stream" } })
        },
        drain: Effect.sync(() => {
          stream.drained = true
        })
      })
      yield* (yield* Routes).add({ paths: ["/x"], fetch: () => new Response("here") })
      const [before, after] = [yield* certificate, yield* certificate]
      const options = { ...defaults, reusePort: true, shutdownTimeout: "20 millis" } as const

      const scope = yield* Scope.make()
      const old = yield* Scope.provide(Listener.open({ ...options, tls: before }), scope)
      const reach = (ca: string, path: string) =>
        Effect.promise(() =>
          fetch(`https://localhost:${old.port}${path}`, { tls: { ca }, keepalive: false }).then(
            (response) => response,
            () => undefined
          )
        )
      const events = yield* reach(before.cert, "/events")
      const reader = events?.body?.pipeThrough(new TextDecoderStream()).getReader()
      const next = Effect.promise(async () => (await reader?.read())?.value)
      expect(yield* next).toBe("data: first\n\n")

      yield* Listener.open({ ...options, port: old.port, tls: after })
      yield* old.retire
      for (let attempt = 0; attempt < 10; attempt++) {
        const response = yield* reach(after.cert, "/x")
        expect([attempt, response && (yield* Effect.promise(() => response.text()))]).toEqual([
          attempt,
          "here"
        ])
      }
      expect(yield* reach(before.cert, "/x")).toBeUndefined()

      stream.push("data: second\n\n")
      expect(yield* next).toBe("data: second\n\n")
      // The other listener still serves the routes, so they are not drained.
      yield* Scope.close(scope, Exit.void)
      expect(stream.drained).toBe(false)
      expect((yield* reach(after.cert, "/x"))?.status).toBe(200)
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(services, machine)), Effect.runPromise)
)

it.live("stopping a listener drains its sites, and their running streams end complete", () =>
  Effect.gen(function* () {
    const released = Promise.withResolvers<void>()
    yield* (yield* Sites).add({
      hosts: ["app.test"],
      fetch: () =>
        new Response(
          new ReadableStream({
            start: async (controller) => {
              controller.enqueue("begin,")
              await released.promise
              controller.enqueue("end")
              controller.close()
            }
          })
        ),
      drain: Effect.sync(() => released.resolve())
    })
    const scope = yield* Scope.make()
    const { url } = yield* Scope.provide(Listener.open(defaults), scope)
    const response = yield* Effect.promise(() => fetch(url, { headers: { host: "app.test" } }))
    const text = response.text()
    yield* Scope.close(scope, Exit.void)
    expect(yield* Effect.promise(() => text)).toBe("begin,end")
  }).pipe(Effect.provide(services))
)
