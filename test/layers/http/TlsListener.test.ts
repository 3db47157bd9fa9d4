/** Certificate renewal while the service runs: SIGHUP replaces it without a gap, and an invalid one changes nothing. */
import { describe, expect, test } from "bun:test"
import { Context, Effect, Exit, FileSystem, Layer, Logger, Queue, Scope } from "effect"
import { Listener } from "../../../layers/http/Listener.ts"
import type { ListenerOptions } from "../../../layers/http/ListenerOptions.ts"
import { Routes } from "../../../layers/http/Routes.ts"
import { Sites } from "../../../layers/http/Sites.ts"
import * as TlsListener from "../../../layers/http/TlsListener.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { Signals } from "../../../layers/platform/Signals.ts"
import { certificate, machine, possible } from "../../support/certificate.ts"
import { defaults } from "../../support/listener.ts"

const services = Layer.mergeAll(Routes.layer, Sites.layer, Ids.layer, machine)

/** A listener with files, signals and log under the control of the test. */
const running = Effect.fnUntraced(function* (options: Partial<ListenerOptions> = {}) {
  const fs = yield* FileSystem.FileSystem
  const dir = yield* fs.makeTempDirectoryScoped()
  const files = { cert_file: `${dir}/cert.pem`, key_file: `${dir}/key.pem` }
  const write = ({ cert, key }: { readonly cert: string; readonly key: string }) =>
    Effect.andThen(fs.writeFileString(files.cert_file, cert), fs.writeFileString(files.key_file, key))
  const first = yield* certificate
  yield* write(first)

  const handlers = new Set<() => void>()
  const signals = Signals.of({
    onHangup: (handler) => Effect.sync(() => void handlers.add(handler))
  })
  const lines = yield* Queue.unbounded<string>()
  const logger = Logger.make(({ message }) => void Queue.offerUnsafe(lines, String(message)))
  const scope = yield* Scope.fork(yield* Effect.scope)
  const listener = Context.get(
    yield* Layer.build(TlsListener.layer({ ...defaults, ...options }, files)).pipe(
      Effect.provideService(Signals, signals),
      Effect.provide(Logger.layer([logger])),
      Scope.provide(scope)
    ),
    Listener
  )
  const reach = (ca: string, path = "/x") =>
    Effect.promise(() =>
      fetch(`https://localhost:${listener.port}${path}`, { tls: { ca }, keepalive: false }).then(
        (response) => response,
        () => undefined
      )
    )
  return {
    first,
    files,
    write,
    listener,
    reach,
    hangUp: Effect.sync(() => handlers.forEach((handler) => handler())),
    log: Queue.take(lines),
    close: Scope.close(scope, Exit.void)
  }
})

const withServices = <A, E>(
  body: Effect.Effect<A, E, Layer.Success<typeof services> | Scope.Scope>
): (() => Promise<A>) => {
  const run = body.pipe(Effect.scoped, Effect.provide(services))
  return () => Effect.runPromise(run)
}

describe.skipIf(!possible)("a renewed certificate", () => {
  test(
    "is used for new connections after SIGHUP, while open streams continue until shutdown drains them",
    withServices(
      Effect.gen(function* () {
        const routes = yield* Routes
        const stream = { push: (_: string) => {}, end: () => {} }
        yield* routes.add({ paths: ["/x"], fetch: () => new Response("here") })
        yield* routes.add({
          paths: ["/events"],
          fetch: (_, { keepOpen }) => {
            keepOpen()
            const body = new ReadableStream<string>({
              start: (controller) => {
                stream.push = (text) => controller.enqueue(text)
                stream.end = () => controller.close()
                controller.enqueue("first")
              }
            })
            return new Response(body, { headers: { "content-type": "text/event-stream" } })
          },
          drain: Effect.sync(() => stream.end())
        })
        const { close, first, hangUp, log, reach, write } = yield* running()
        const events = yield* reach(first.cert, "/events")
        const reader = events?.body?.pipeThrough(new TextDecoderStream()).getReader()
        const next = Effect.promise(async () => reader?.read())
        expect(yield* next).toMatchObject({ value: "first" })

        const second = yield* certificate
        yield* write(second)
        yield* hangUp
        expect(yield* log).toBe("certificate renewed")
        expect((yield* reach(second.cert))?.status).toBe(200)
        expect(yield* reach(first.cert)).toBeUndefined()
        stream.push("second")
        expect(yield* next).toMatchObject({ value: "second" })

        yield* close
        expect(yield* next).toMatchObject({ done: true })
        expect(yield* reach(second.cert)).toBeUndefined()
      })
    )
  )

  test(
    "that is invalid is logged, keeps the previous one, and the next valid one is used",
    withServices(
      Effect.gen(function* () {
        yield* (yield* Routes).add({ paths: ["/x"], fetch: () => new Response("here") })
        const { files, first, hangUp, log, reach, write } = yield* running()
        const second = yield* certificate
        yield* write({ cert: second.cert, key: first.key })
        yield* hangUp
        expect(yield* log).toContain(`${files.key_file}`)
        yield* write({ cert: "not PEM", key: second.key })
        yield* hangUp
        expect(yield* log).toContain("has no certificate")
        expect((yield* reach(first.cert))?.status).toBe(200)
        yield* write(second)
        yield* hangUp
        expect(yield* log).toBe("certificate renewed")
        expect((yield* reach(second.cert))?.status).toBe(200)
      })
    )
  )

  test(
    "is used after many renewals by one listener",
    withServices(
      Effect.gen(function* () {
        yield* (yield* Routes).add({ paths: ["/x"], fetch: () => new Response("here") })
        const { hangUp, log, reach, write } = yield* running({ shutdownTimeout: "20 millis" })
        for (let renewal = 0; renewal < 7; renewal++) {
          const next = yield* certificate
          yield* write(next)
          // A signal without a change does nothing.
          yield* hangUp
          yield* hangUp
          expect(yield* log).toBe("certificate renewed")
          expect((yield* reach(next.cert))?.status).toBe(200)
        }
      })
    )
  )

  test(
    "does not let a second instance bind the port",
    withServices(
      Effect.gen(function* () {
        const { listener } = yield* running()
        const error = yield* Effect.flip(running({ port: listener.port }))
        expect(error).toMatchObject({ _tag: "ListenError", reason: "InUse" })
      })
    )
  )
})
