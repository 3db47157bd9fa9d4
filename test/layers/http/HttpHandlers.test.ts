/** The service's handlers in a server that is not its own. */
import { expect } from "bun:test"
import { Effect, Exit, Layer, Scope } from "effect"
import { HttpHandlers } from "../../../layers/http/HttpHandlers.ts"
import { type Route, Routes } from "../../../layers/http/Routes.ts"
import { Sites } from "../../../layers/http/Sites.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { it } from "../../support/effect.ts"
import { defaults } from "../../support/listener.ts"

const echo: Route<undefined> = {
  paths: ["/echo", "/ws"],
  fetch: async (request, { address, loopback, upgrade }) => {
    if (request.headers.has("upgrade"))
      return upgrade(undefined) ? undefined : new Response(null, { status: 400 })
    return Response.json({ size: (await request.text()).length, address, loopback })
  },
  websocket: { message: (socket, text) => void socket.send(`echo ${String(text)}`) }
}

/** Handlers for the route, until the scope closes. */
const handlers = (scope: Scope.Scope) => {
  const contributed = Layer.effectDiscard(Effect.flatMap(Routes, ({ add }) => add(echo)))
  const layer = HttpHandlers.layer({ ...defaults, maxMessageBytes: 1000 }).pipe(
    Layer.provideMerge(contributed),
    Layer.provideMerge(Layer.mergeAll(Routes.layer, Sites.layer, Ids.layer))
  )
  return Effect.flatMap(Layer.buildWithScope(layer, scope), (context) =>
    Effect.provide(Effect.service(HttpHandlers), context)
  )
}

const serve = ({ fetch, websocket }: HttpHandlers["Service"]) =>
  Effect.acquireRelease(
    Effect.sync(() => Bun.serve({ hostname: "127.0.0.1", port: 0, fetch, websocket })),
    (server) => Effect.promise(() => server.stop(true))
  )

it.live("requests and WebSockets of another server reach routes, until the layer ends", () =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const served = yield* handlers(scope)
    const { url } = yield* serve(served)
    const post = (body: string) =>
      Effect.promise(() => fetch(new URL("/echo", url), { method: "POST", body }))

    const response = yield* post("hello")
    expect(yield* Effect.promise(() => response.json())).toEqual({
      size: 5,
      address: "127.0.0.1",
      loopback: true
    })
    expect((yield* post("x".repeat(1001))).status).toBe(413)

    const socket = new WebSocket(new URL("/ws", url).href.replace("http", "ws"))
    const next = <A>(type: "close" | "message" | "open", read: (event: never) => A) =>
      Effect.callback<A>((resume) =>
        socket.addEventListener(type, (event) => resume(Effect.succeed(read(event as never))), { once: true })
      )
    yield* next("open", () => undefined)
    expect(served.sockets()).toBe(1)
    socket.send("one")
    expect(yield* next("message", ({ data }: MessageEvent<string>) => data)).toBe("echo one")

    const [code] = yield* Effect.all(
      [next("close", ({ code: number }: CloseEvent) => number), Scope.close(scope, Exit.void)],
      { concurrency: "unbounded" }
    )
    expect(code).toBe(1001)
    expect((yield* post("hello")).status).toBe(503)
  })
)

it.live("only a request whose peer has a loopback address is local", () =>
  Effect.gen(function* () {
    const served = yield* handlers(yield* Effect.scope)
    const isLocal = (address: string, headers: Readonly<Record<string, string>> = {}) =>
      Effect.promise(async () => {
        const request = new Request("http://localhost/echo", {
          method: "POST",
          headers: { host: "localhost", ...headers }
        })
        const server = {
          url: { protocol: "http:" },
          requestIP: () => ({ address }),
          timeout: () => {},
          upgrade: () => false
        }
        const response = await served.fetch(request, server)
        if (response === undefined) throw new Error("The request was upgraded.")
        const { loopback } = (await response.json()) as { loopback: boolean }
        return loopback
      })
    expect(yield* isLocal("127.0.0.1")).toBe(true)
    expect(yield* isLocal("203.0.113.7")).toBe(false)
    expect(yield* isLocal("127.0.0.1", { "x-forwarded-for": "203.0.113.7" })).toBe(false)
  })
)
