/** Shutdown of the listener: no new connections, running requests may finish, and the rest is aborted at the time limit. */
import { expect } from "bun:test"
import { Deferred, Effect, Fiber } from "effect"
import type { ListenerOptions } from "../../../layers/http/ListenerOptions.ts"
import type { Route } from "../../../layers/http/Routes.ts"
import { it } from "../../support/effect.ts"
import { listen } from "../../support/listener.ts"
import { dial, header, type Reply } from "../../support/rawHttp.ts"

const host = "Host: 127.0.0.1\r\n"

/** A listener in a separate program, which the test stops by interruption, like a signal. */
const stoppable = Effect.fnUntraced(function* (
  routes: ReadonlyArray<Route<string>>,
  options: Partial<ListenerOptions> = {}
) {
  const listening = yield* Deferred.make<number>()
  const program = yield* listen(routes, options).pipe(
    Effect.flatMap(({ port }) => Deferred.succeed(listening, port)),
    Effect.andThen(Effect.never),
    Effect.scoped,
    Effect.forkChild
  )
  return { port: yield* Deferred.await(listening), stop: Fiber.interrupt(program) }
})

/** A route whose requests wait for `release`. */
const waiting = () => {
  const started = Promise.withResolvers<AbortSignal>()
  const response = Promise.withResolvers<Response>()
  const route: Route<string> = {
    paths: ["/wait"],
    fetch: (request) => {
      started.resolve(request.signal)
      return response.promise
    }
  }
  return { route, started: Effect.promise(() => started.promise), release: response.resolve }
}

const call = (port: number) => {
  const connection = dial(port)
  connection.write(`GET /wait HTTP/1.1\r\n${host}\r\n`)
  return connection
}

it.live("a running request gets its whole response, and idle connections and the port close at once", () =>
  Effect.gen(function* () {
    const { release, route, started } = waiting()
    const { port, stop } = yield* stoppable([
      route,
      { paths: ["/quick"], fetch: () => new Response("quick") }
    ])
    const idle = dial(port)
    idle.write(`GET /quick HTTP/1.1\r\n${host}\r\n`)
    yield* Effect.promise(idle.next)
    const running = call(port)
    yield* started
    const stopping = yield* Effect.forkChild(stop, { startImmediately: true })
    yield* Effect.promise(() => idle.closed)
    const late = dial(port)
    yield* Effect.promise(() => late.closed)
    expect((yield* Effect.promise(late.next)).status).toBe(0)
    const size = 20_000_000
    release(new Response("a".repeat(size)))
    expect((yield* Effect.promise(running.next)).body).toHaveLength(size)
    yield* Effect.promise(() => running.closed)
    yield* Fiber.join(stopping)
  })
)

it.live("drains run concurrently before the wait, and a drain that fails does not stop the shutdown", () =>
  Effect.gen(function* () {
    const { release, route, started } = waiting()
    const { port, stop } = yield* stoppable([
      { ...route, drain: Effect.sync(() => release(new Response("drained"))) },
      { paths: ["/stuck"], fetch: () => new Response(), drain: Effect.die(new Error("cannot")) }
    ])
    const running = call(port)
    yield* started
    yield* stop
    expect((yield* Effect.promise(running.next)).body).toBe("drained")
  })
)

it.live(
  "at the time limit a request is aborted: its signal fires, its connection closes, drains are interrupted",
  () =>
    Effect.gen(function* () {
      let interrupted = false
      const { route, started } = waiting()
      const drain = Effect.onInterrupt(Effect.never, () =>
        Effect.sync(() => {
          interrupted = true
        })
      )
      const { port, stop } = yield* stoppable([{ ...route, drain }], { shutdownTimeout: "20 millis" })
      const running = call(port)
      const signal = yield* started
      yield* stop
      expect(signal.aborted).toBe(true)
      expect(interrupted).toBe(true)
      yield* Effect.promise(() => running.closed)
      expect((yield* Effect.promise(running.next)).status).toBe(0)
    })
)

it.live("an endless stream is cancelled, and a new listener can bind the port", () =>
  Effect.gen(function* () {
    const cancelled = Promise.withResolvers<void>()
    const stream: Route<string> = {
      paths: ["/wait"],
      fetch: () =>
        new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue("first"),
            cancel: () => cancelled.resolve()
          })
        )
    }
    const { port, stop } = yield* stoppable([stream], { shutdownTimeout: "20 millis" })
    const response = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/wait`))
    expect(response.status).toBe(200)
    yield* stop
    yield* Effect.promise(() => cancelled.promise)
    expect((yield* listen([], { port })).port).toBe(port)
  })
)

it.live(
  "while it announces the shutdown it serves requests and closes each connection after its response",
  () =>
    Effect.gen(function* () {
      const quick: Route<string> = { paths: ["/quick"], fetch: () => new Response("quick") }
      const bound = Promise.withResolvers<number>()
      const last = Promise.withResolvers<Reply>()
      const onStop = Effect.promise(async () => {
        const late = dial(await bound.promise)
        late.write(`GET /quick HTTP/1.1\r\n${host}\r\n`)
        last.resolve(await late.next())
        await late.closed
      })
      const { port, stop } = yield* stoppable([quick], { onStop, drainDelay: "1 milli" })
      bound.resolve(port)
      const before = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/quick`))
      expect([before.status, before.headers.get("connection")]).not.toContain("close")
      yield* stop
      const reply = yield* Effect.promise(() => last.promise)
      expect([reply.status, header(reply, "connection")]).toEqual([200, "close"])
      const tooLate = dial(port)
      yield* Effect.promise(() => tooLate.closed)
      expect((yield* Effect.promise(tooLate.next)).status).toBe(0)
    })
)
