/** Streams of applications behind the reverse proxy: events without delay, clients that leave, and slow readers. */
import { expect } from "bun:test"
import { Deferred, Effect } from "effect"
import { it } from "../support/effect.ts"
import { backend, publish, publishing } from "../support/proxies.ts"
import { dial } from "../support/rawHttp.ts"
import { rawSite } from "../support/sites.ts"

const wait = <A>(promise: Promise<A>) => Effect.promise(() => promise)

/** A client that can leave. */
const client = () => new AbortController()

it.live("event streams arrive event by event, and a client that leaves ends the request at the target", () =>
  Effect.gen(function* () {
    const cancelled = yield* Deferred.make<void>()
    let push = (_: string) => {}
    const app = yield* backend((request) =>
      new URL(request.url).pathname !== "/events"
        ? new Response("x")
        : new Response(
            new ReadableStream({
              start: (controller) => {
                push = (event) => controller.enqueue(new TextEncoder().encode(event))
                push("data: 0\n\n")
              },
              cancel: () => void Deferred.doneUnsafe(cancelled, Effect.void)
            }),
            { headers: { "content-type": "text/event-stream" } }
          )
    )
    const { request } = yield* publishing(app.url)
    const controller = client()
    const response = yield* wait(request("/events", { signal: controller.signal }))
    const reader = response.body?.getReader()
    const decoder = new TextDecoder()
    const next = async () => decoder.decode((await reader?.read())?.value)
    expect(yield* wait(next())).toBe("data: 0\n\n")
    for (let index = 1; index < 20; index++) {
      // Each event is sent only after the one before was received.
      push(`data: ${index}\n\n`)
      expect(yield* wait(next())).toBe(`data: ${index}\n\n`)
    }
    controller.abort()
    yield* Deferred.await(cancelled)
  })
)

it.live("a client that leaves before the response ends the request, and so does one that uploads", () =>
  Effect.gen(function* () {
    const aborted = yield* Deferred.make<void>()
    const began = yield* Deferred.make<void>()
    const app = yield* backend((request) => {
      if (new URL(request.url).pathname !== "/slow") return new Response("x")
      request.signal.addEventListener("abort", () => Deferred.doneUnsafe(aborted, Effect.void))
      Deferred.doneUnsafe(began, Effect.void)
      return new Promise<Response>(() => {})
    })
    const { request } = yield* publishing(app.url)
    const controller = client()
    const failed = request("/slow", { signal: controller.signal }).catch(() => "aborted")
    yield* Deferred.await(began)
    controller.abort()
    expect(yield* wait(failed)).toBe("aborted")
    yield* Deferred.await(aborted)

    const upload = yield* rawSite(() => {})
    const other = yield* publishing(`http://127.0.0.1:${app.port}`)
    yield* Effect.provideContext(
      publish({ hostname: "up.example.com", target_url: `http://127.0.0.1:${upload.port}` }),
      other.running
    )
    const leaving = client()
    const sent = other
      .request("/", {
        method: "POST",
        headers: { host: "up.example.com" },
        body: new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(100_000)) }),
        signal: leaving.signal
      })
      .catch(() => "aborted")
    yield* upload.asked
    leaving.abort()
    expect(yield* wait(sent)).toBe("aborted")
    yield* upload.closed
  })
)

it.live("a slow reader of a large response stops the target from sending", () =>
  Effect.gen(function* () {
    let sent = 0
    const chunk = new Uint8Array(1_000_000)
    const app = yield* backend((request) =>
      new URL(request.url).pathname !== "/big"
        ? new Response("x")
        : new Response(
            new ReadableStream(
              {
                pull: (controller) => {
                  sent++
                  controller.enqueue(chunk)
                  if (sent === 200) controller.close()
                }
              },
              { highWaterMark: 0 }
            )
          )
    )
    const { port, request } = yield* publishing(app.url)
    const connection = dial(port)
    connection.write("GET /big HTTP/1.1\r\nHost: app.example.com\r\n\r\n")
    connection.pause()
    // Another request is served meanwhile, and the one that is not read makes no progress.
    for (let index = 0; index < 200; index++) yield* wait(request("/").then((response) => response.text()))
    expect(sent).toBeLessThan(60)
    connection.end()
  })
)
