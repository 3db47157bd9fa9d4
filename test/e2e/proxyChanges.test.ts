/** Changes of the table of published applications, as running instances follow them. */
import { expect } from "bun:test"
import { Context, Deferred, Effect, Layer } from "effect"
import { ProxyTable } from "../../layers/edge/ProxyTable.ts"
import { Listener } from "../../layers/http/Listener.ts"
import { onEachDatabase, sqlite } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { backend, change, publish, publishing, tableOf } from "../support/proxies.ts"
import { service } from "../support/service.ts"

const wait = <A>(promise: Promise<A>) => Effect.promise(() => promise)

onEachDatabase("changes of the table", (database) => {
  it.live("take effect on every instance, and end what runs under an entry that is gone", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const cancelled = yield* Deferred.make<void>()
      const first = yield* backend(() => new Response("first"))
      const second = yield* backend((request) =>
        new URL(request.url).pathname === "/events"
          ? new Response(
              new ReadableStream({
                start: (controller) => controller.enqueue(new TextEncoder().encode("data: 1\n\n")),
                cancel: () => void Deferred.doneUnsafe(cancelled, Effect.void)
              }),
              { headers: { "content-type": "text/event-stream" } }
            )
          : new Response("second")
      )
      const here = yield* publishing(first.url, {}, { storage })
      const there = yield* publishing(first.url, {}, { storage }).pipe(Effect.exit)
      // The other instance has the entry already, from the database.
      expect(there._tag).toBe("Failure")
      const running = yield* Layer.build(service({ storage }))
      const other = yield* Layer.build(tableOf(storage))
      const get = (path: string, host = "app.example.com") => here.request(path, { headers: { host } })
      expect(yield* wait(get("/").then((response) => response.text()))).toBe("first")

      const until = (expected: string, host?: string) =>
        Effect.promise(async () => {
          while ((await (await get("/", host)).text()).slice(0, expected.length) !== expected)
            await Bun.sleep(5)
        })
      // By another process, such as the command line.
      yield* Effect.provideContext(change({ hostname: "app.example.com", target_url: second.url }), other)
      yield* until("second")
      yield* Effect.provideContext(publish({ hostname: "*.example.com", target_url: first.url }), other)
      yield* until("first", "any.sub.example.com")
      yield* until("second")
      const events = yield* wait(get("/events"))
      const body = events.text().catch(() => "cut")
      yield* Context.get(running, ProxyTable).remove({ hostname: "app.example.com" }, "operator")
      yield* Deferred.await(cancelled)
      expect(["cut", "data: 1\n\n"]).toContain(yield* wait(body))
      // The wildcard takes over.
      yield* until("first")
    })
  )
})

it.live("an application is served at once after a restart, also for the first request", () =>
  Effect.gen(function* () {
    const storage = yield* sqlite
    const app = yield* backend(() => new Response("x".repeat(10)))
    yield* Effect.scoped(publishing(app.url, {}, { storage }))
    const running = yield* Layer.build(service({ storage }))
    const { port } = Context.get(running, Listener)
    const response = yield* wait(fetch(`http://127.0.0.1:${port}/`, { headers: { host: "app.example.com" } }))
    expect([response.status, yield* wait(response.text())]).toEqual([200, "xxxxxxxxxx"])
  })
)
