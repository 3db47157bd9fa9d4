/** Credentials over time: scopes follow the configuration, and a removed or expired token ends its streams, sockets and calls. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Layer, Path } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Client } from "../../src/catalog/Client.ts"
import * as toolkitEntries from "../../src/catalog/toolkitEntries.ts"
import { Blocks } from "../../src/domain/Content.ts"
import { filesOnly } from "../layers/config/files.ts"
import { it } from "../support/effect.ts"
import {
  endpoint,
  events,
  Held,
  interrupted,
  openSession,
  post,
  readJson,
  request,
  serviceOf,
  started,
  stateless
} from "../support/service.ts"
import { webSocket } from "../support/webSocket.ts"

const secret = (name: string) => `${name}-0123456789abcdef0123456789abcdef`
const bearer = (name: string) => ({ authorization: `Bearer ${secret(name)}` })

interface Token {
  readonly name: string
  readonly scopes?: ReadonlyArray<string>
  readonly expires_at?: string
}

/** A service whose tokens the test changes through an in-memory configuration file. */
const tokens = (...initial: ReadonlyArray<Token>) => {
  const files: Record<string, string> = {}
  let folder = ""
  const write = (list: ReadonlyArray<Token>) => {
    const auth = { tokens: list.map((each) => ({ ...each, token: secret(each.name) })) }
    files["manifold.yaml"] = JSON.stringify({
      auth,
      storage: { dir: folder },
      logging: { level: "none" },
      mcp: { sessions: { resume_window: "1 hour" } }
    })
  }
  const layer = serviceOf((dir) => {
    folder = dir
    write(initial)
    return ConfigSource.layer.pipe(
      Layer.provide([filesOnly(files), Environment.layerTest({ XDG_CONFIG_HOME: "/u" }), Path.layer])
    )
  })
  const change = (...list: ReadonlyArray<Token>) =>
    Effect.gen(function* () {
      write(list)
      yield* (yield* ConfigSource).reload
    })
  return { layer, change }
}

const toolkit = Toolkit.make(Tool.make("detach", { success: Blocks, dependencies: [Client] }))
/** A tool that closes the stream of its client, and runs until it is interrupted. */
const detaching = {
  toolkit,
  layer: toolkit.toLayer(
    Effect.map(Held, (state) =>
      toolkit.of({
        detach: () =>
          Effect.flatMap(Client, ({ release }) => release).pipe(
            Effect.andThen(Deferred.succeed(state.started, undefined)),
            Effect.andThen(Effect.never),
            Effect.onInterrupt(() => Deferred.succeed(state.interrupted, undefined))
          )
      })
    )
  )
}

const sum = { name: "math.add", arguments: { a: 1, b: 2 } }
const alice = { name: "alice" }
const bob = { name: "bob" }

const readToEnd = (response: Response) =>
  Effect.promise(async () => {
    const seen: Array<string> = []
    for await (const { data } of events(response)) if (data !== "") seen.push(data)
    return seen
  })

describe("changed scopes", () => {
  it.live("changed scopes apply to the next request of the same session and socket", () => {
    const { change, layer } = tokens(alice)
    return Effect.gen(function* () {
      const url = yield* endpoint
      const session = yield* openSession(url, "2025-11-25", bearer("alice"))
      const socket = yield* webSocket(new URL("/mcp/ws", url), { headers: bearer("alice") })
      const call = (id: number) => post(url, request(id, "tools/call", sum), session)
      const callOnSocket = Effect.fnUntraced(function* (id: number) {
        yield* socket.send(request(id, "tools/call", sum))
        return yield* socket.next
      })
      const alone = Effect.fnUntraced(function* (id: number) {
        const { body, headers } = stateless(id, "tools/call", sum)
        return yield* readJson(yield* post(url, body, { ...headers, ...bearer("alice") }))
      })
      expect(yield* readJson(yield* call(1))).toMatchObject({ result: { structuredContent: { result: 3 } } })
      expect(yield* callOnSocket(1)).toMatchObject({ result: { structuredContent: { result: 3 } } })

      yield* change({ ...alice, scopes: ["read"] })
      const hidden = { error: { code: -32602, message: "Unknown tool: math.add" } }
      expect(yield* readJson(yield* call(2))).toMatchObject(hidden)
      expect(yield* callOnSocket(2)).toMatchObject(hidden)
      expect(yield* alone(2)).toMatchObject(hidden)

      yield* change({ ...alice, scopes: ["read", "call"] })
      expect(yield* readJson(yield* call(3))).toMatchObject({ result: { structuredContent: { result: 3 } } })
      expect(yield* callOnSocket(3)).toMatchObject({ result: { structuredContent: { result: 3 } } })
    }).pipe(Effect.provide(layer))
  })
})

describe("removed tokens", () => {
  const ends = <A>(
    name: string,
    open: (url: URL, token: Record<string, string>) => Effect.Effect<Effect.Effect<A>, never, never>
  ) =>
    it.live(`a removed token ends ${name}`, () => {
      const { change, layer } = tokens(alice, bob)
      return Effect.gen(function* () {
        const url = yield* endpoint
        const closed = yield* open(url, bearer("alice"))
        yield* change(bob)
        yield* closed
        const refused = yield* post(url, request(9, "tools/list"), bearer("alice"))
        expect(refused.status).toBe(401)
        expect(refused.headers.get("www-authenticate")).toContain('error="invalid_token"')
      }).pipe(Effect.provide(layer))
    })

  const stream = (path: string, headers: Record<string, string>, url: URL) =>
    Effect.map(
      Effect.promise(() =>
        fetch(new URL(path, url), { headers: { accept: "text/event-stream", ...headers } })
      ),
      (response) => Effect.promise(() => response.text())
    )

  ends("the stream of a session", (url, token) =>
    Effect.flatMap(openSession(url, "2025-11-25", token), (session) => stream("/mcp", session, url))
  )
  ends("a legacy event stream", (url, token) => stream("/mcp/sse", token, url))
  ends("a stream of events", (url, token) => stream("/stream", token, url))

  it.live("a removed token closes its WebSocket with 1008 and no other", () => {
    const { change, layer } = tokens(alice, bob)
    return Effect.gen(function* () {
      const url = new URL("/mcp/ws", yield* endpoint)
      const [hers, his] = [
        yield* webSocket(url, { headers: bearer("alice") }),
        yield* webSocket(url, { headers: bearer("bob") })
      ]
      yield* change(bob)
      const { code, reason } = yield* hers.closed
      expect(code).toBe(1008)
      expect(reason).toContain("token")
      yield* his.send(request(1, "ping"))
      expect(yield* his.next).toMatchObject({ id: 1, result: {} })
    }).pipe(Effect.provide(layer))
  })

  it.live("a removed token interrupts a call in a session and ends its stream with the reason", () => {
    const { change, layer } = tokens(alice, bob)
    return Effect.gen(function* () {
      const url = yield* endpoint
      const session = yield* openSession(url, "2025-11-25", bearer("alice"))
      const response = yield* post(url, request(1, "tools/call", { name: "tick" }), session)
      yield* started
      yield* change(bob)
      yield* interrupted
      const last = (yield* readToEnd(response)).at(-1) ?? ""
      expect(JSON.parse(last)).toMatchObject({
        id: 1,
        error: { code: -32800, message: expect.stringContaining("revoked") }
      })
    }).pipe(Effect.provide(layer))
  })

  it.live("a removed token interrupts a call whose stream is closed and may be resumed", () => {
    const { change, layer } = tokens(alice, bob)
    return Effect.gen(function* () {
      const url = yield* endpoint
      const session = yield* openSession(url, "2025-11-25", bearer("alice"))
      const response = yield* post(url, request(1, "tools/call", { name: "detach" }), session)
      yield* readToEnd(response)
      yield* started
      yield* change(bob)
      yield* interrupted
    }).pipe(Effect.provide(toolkitEntries.layer(detaching).pipe(Layer.provideMerge(layer))))
  })

  it.live("a removed token interrupts a call without a session", () => {
    const { change, layer } = tokens(alice, bob)
    return Effect.gen(function* () {
      const url = yield* endpoint
      const { body, headers } = stateless(1, "tools/call", {
        name: "tick",
        _meta: { progressToken: "p" }
      })
      const params = { ...body.params, _meta: { ...(body.params["_meta"] as object), progressToken: "p" } }
      const response = yield* post(url, { ...body, params }, { ...headers, ...bearer("alice") })
      yield* started
      yield* change(bob)
      yield* interrupted
      yield* readToEnd(response)
    }).pipe(Effect.provide(layer))
  })
})

describe("expired tokens", () => {
  it.live("an expired token closes its streams, and a call waits for a new token to resume it", () => {
    const soon = () => new Date(Date.now() + 2500).toISOString()
    const { change, layer } = tokens({ ...alice, expires_at: soon() })
    return Effect.gen(function* () {
      const url = yield* endpoint
      const session = yield* openSession(url, "2025-11-25", bearer("alice"))
      const response = yield* post(url, request(1, "tools/call", { name: "tick" }), session)
      const reader = events(response)
      const first = yield* Effect.promise(() => reader.next())
      yield* started
      yield* Effect.promise(async () => {
        while (!(await reader.next()).done);
      })
      expect((yield* post(url, request(2, "tools/list"), session)).status).toBe(401)
      // A new token of the same name has the same identity, and therefore the same session.
      yield* change(alice)
      const resumed = yield* Effect.promise(() =>
        fetch(url, {
          headers: { ...session, accept: "text/event-stream", "last-event-id": first.value?.id ?? "" }
        })
      )
      expect(resumed.status).toBe(200)
      yield* Effect.promise(async () => resumed.body?.cancel())
    }).pipe(Effect.provide(layer))
  })
})
