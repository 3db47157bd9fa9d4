/** The real HTTP service on a free port, with tools that tests can control, and requests to it. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Context, Deferred, Effect, Layer, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import { Listener } from "../../layers/http/Listener.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { Progress } from "../../layers/progress/Progress.ts"
import { Client, elicit } from "../../src/catalog/Client.ts"
import { Blocks, text } from "../../src/domain/Content.ts"
import * as toolkitEntries from "../../src/catalog/toolkitEntries.ts"
import { mcp } from "../../src/program/program.ts"
import * as Service from "../../src/program/httpService.ts"

/** State of the tool `wait`: tests await its start and end, and release it. */
export class Held extends Context.Service<
  Held,
  {
    readonly started: Deferred.Deferred<void>
    readonly interrupted: Deferred.Deferred<void>
    readonly release: Deferred.Deferred<void>
  }
>()("manifold/test/Held") {
  static readonly layer = Layer.effect(
    Held,
    Effect.gen(function* () {
      const [started, interrupted, release] = yield* Effect.all([
        Deferred.make<void>(),
        Deferred.make<void>(),
        Deferred.make<void>()
      ])
      return Held.of({ started, interrupted, release })
    })
  )
}

/** The held tool has begun; its finalizer has run. */
export const started = Effect.flatMap(Held, (held) => Deferred.await(held.started))
export const interrupted = Effect.flatMap(Held, (held) => Deferred.await(held.interrupted))

const Wait = Tool.make("wait", { success: Blocks })
const Tick = Tool.make("tick", { success: Blocks, dependencies: [Progress, Client] })
const Ask = Tool.make("ask", { success: Blocks, failure: Schema.Unknown, dependencies: [Client] })
const toolkit = Toolkit.make(Wait, Tick, Ask)

const held = {
  toolkit,
  layer: toolkit.toLayer(
    Effect.map(Held, (state) =>
      toolkit.of({
        // Runs until the test releases it.
        wait: () =>
          Deferred.succeed(state.started, undefined).pipe(
            Effect.andThen(Deferred.await(state.release)),
            Effect.as([text("released")]),
            Effect.onInterrupt(() => Deferred.succeed(state.interrupted, undefined))
          ),
        // Reports progress before it waits, so that its answer is a stream.
        tick: () =>
          Effect.gen(function* () {
            const progress = yield* Progress
            const client = yield* Client
            yield* progress.report({ progress: 1, total: 2, message: "half" })
            yield* client.log("info", "half way")
            yield* Deferred.succeed(state.started, undefined)
            yield* Deferred.await(state.release)
            yield* progress.report({ progress: 2, total: 2 })
            return [text("done")]
          }).pipe(Effect.onInterrupt(() => Deferred.succeed(state.interrupted, undefined))),
        ask: () =>
          Effect.gen(function* () {
            const answer = yield* elicit("Your name?", Schema.Struct({ name: Schema.String }), "name")
            return [text(answer.action === "accept" ? `Hello ${answer.content.name}` : answer.action)]
          })
      })
    )
  )
}

/** Adds those tools to the catalog. */
export const holding = toolkitEntries.layer(held).pipe(Layer.provideMerge(Held.layer))

/** A temporary state folder. */
export const stateFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-test-"))),
  (dir) => Effect.promise(() => rm(dir, { recursive: true, force: true }))
)

type Http = ReturnType<typeof Service.layer>

/** The service with a temporary folder and a configuration made for it; `http` may authenticate in its own way. */
export const serviceOf = (
  config: (dir: string) => Layer.Layer<ConfigSource>,
  http: Http = Service.layer({ port: 0 })
) => {
  const foundation = Layer.mergeAll(Platform.layer, Ids.layer, Environment.layerTest({}))
  return http.pipe(
    Layer.provideMerge(holding.pipe(Layer.provideMerge(mcp))),
    Layer.provideMerge(Layer.unwrap(Effect.map(stateFolder, config))),
    Layer.provideMerge(foundation)
  )
}

/** A service with the given configuration. */
export const service = (config: Record<string, unknown> = {}) =>
  serviceOf((dir) => ConfigSource.layerFrom({ storage: { dir }, logging: { level: "none" }, ...config }))

export const endpoint = Effect.map(Listener, ({ url }) => new URL("/mcp", url))

const jsonHeaders = { "content-type": "application/json", accept: "application/json, text/event-stream" }

export const post = (url: URL, body: unknown, headers: Record<string, string> = {}, signal?: AbortSignal) =>
  Effect.promise(() =>
    fetch(url, {
      method: "POST",
      headers: { ...jsonHeaders, ...headers },
      body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
      ...(signal !== undefined && { signal })
    })
  )

/** The body, or the last message of an event stream, which a response is that takes longer than 50 ms. */
export const readJson = (response: Response) =>
  Effect.promise(async () => {
    const body = await response.text()
    const isStream = response.headers.get("content-type")?.startsWith("text/event-stream")
    const json = isStream
      ? body
          .split("\n")
          .findLast((line) => line.startsWith("data: "))
          ?.slice(6)
      : body
    return JSON.parse(json ?? "") as Record<string, unknown>
  })

export const initialize = (version = "2025-11-25", id = 0) => ({
  jsonrpc: "2.0",
  id,
  method: "initialize",
  params: { protocolVersion: version, capabilities: {}, clientInfo: { name: "test", version: "1" } }
})

export const request = (id: number, method: string, params: Record<string, unknown> = {}) => ({
  jsonrpc: "2.0",
  id,
  method,
  params
})

/** Opens a session and returns the headers of further requests. */
export const openSession = Effect.fnUntraced(function* (
  url: URL,
  version = "2025-11-25",
  headers: Record<string, string> = {}
) {
  const response = yield* post(url, initialize(version), headers)
  const id = response.headers.get("mcp-session-id") ?? ""
  const session = { ...headers, "mcp-session-id": id, "mcp-protocol-version": version }
  yield* post(url, { jsonrpc: "2.0", method: "notifications/initialized" }, session)
  return session
})

/** A 2026-07-28 request with all required headers and metadata. */
export const stateless = (
  id: number,
  method: string,
  params: Record<string, unknown> = {},
  capabilities = {}
) => ({
  body: request(id, method, {
    ...params,
    _meta: {
      ...Object(params["_meta"]),
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
      "io.modelcontextprotocol/clientCapabilities": capabilities
    }
  }),
  headers: {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": method,
    ...(typeof params.name === "string" && { "mcp-name": params.name })
  }
})

/** The events of a stream, read one at a time. */
export async function* events(response: Response) {
  const reader = response.body?.getReader()
  if (reader === undefined) return
  const decoder = new TextDecoder()
  let buffer = ""
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    buffer += decoder.decode(value, { stream: true })
    for (let end = buffer.indexOf("\n\n"); end >= 0; end = buffer.indexOf("\n\n")) {
      const block = buffer.slice(0, end)
      buffer = buffer.slice(end + 2)
      const field = (name: string) =>
        block
          .split("\n")
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2)
      const comment = block.startsWith(":")
      yield { id: field("id"), event: field("event"), data: field("data") ?? "", comment }
    }
  }
}
