/** Suspended calls: a stateless call that requests input waits between two requests instead of running again. */
import { describe, expect } from "bun:test"
import { Context, Deferred, Effect, Layer, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import { Listener } from "../../layers/http/Listener.ts"
import { Calls } from "../../layers/ledger/Calls.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { Client, ClientError, elicit } from "../../src/catalog/Client.ts"
import * as toolkitEntries from "../../src/catalog/toolkitEntries.ts"
import { Blocks, text } from "../../src/domain/Content.ts"
import * as Service from "../../src/program/httpService.ts"
import { SuspendedCalls } from "../../src/mcp/SuspendedCalls.ts"
import { mcp } from "../../src/program/program.ts"
import { StoredTokens } from "../../layers/identity/StoredTokens.ts"
import { it } from "../support/effect.ts"
import { create } from "../support/storedTokens.ts"
import { webSocket } from "../support/webSocket.ts"
import { post, readJson, stateFolder, stateless } from "../support/service.ts"

/** Side effects of the tools. */
class Done extends Context.Service<
  Done,
  { orders: number; interrupted: number; left: Deferred.Deferred<void> }
>()("manifold/test/Done") {
  static readonly layer = Layer.effect(
    Done,
    Effect.map(Deferred.make<void>(), (left) => ({ orders: 0, interrupted: 0, left }))
  )
}

const Order = Tool.make("order", {
  parameters: Schema.Struct({
    a: Schema.optionalKey(Schema.Finite),
    b: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite)),
    text: Schema.optionalKey(Schema.String)
  }),
  success: Blocks,
  failure: ClientError,
  dependencies: [Client]
})
const Twice = Tool.make("twice", { success: Blocks, failure: ClientError, dependencies: [Client] })
const toolkit = Toolkit.make(Order, Twice)
const Size = Schema.Struct({ size: Schema.String })
const sizeOf = (response: { readonly action: string; readonly content?: { readonly size: string } }) =>
  response.content?.size ?? response.action

const tools = {
  toolkit,
  layer: toolkit.toLayer(
    Effect.map(Done, (done) =>
      toolkit.of({
        order: () =>
          Effect.gen(function* () {
            const number = ++done.orders
            const size = sizeOf(yield* elicit("Which size?", Size, "size"))
            return [text(`order ${number}: ${size}`)]
          }).pipe(
            Effect.onInterrupt(() => {
              done.interrupted++
              return Deferred.succeed(done.left, undefined)
            })
          ),
        twice: () =>
          Effect.gen(function* () {
            done.orders++
            const first = sizeOf(yield* elicit("First?", Size, "first"))
            const second = sizeOf(yield* elicit("Second?", Size, "second"))
            return [text(`${first}, ${second}`)]
          })
      })
    )
  )
}

const instance = (dir: string, config: Record<string, unknown> = {}) =>
  Service.layer({ port: 0 }).pipe(
    Layer.provideMerge(
      toolkitEntries.layer(tools).pipe(Layer.provideMerge(Done.layer), Layer.provideMerge(mcp))
    ),
    Layer.provideMerge(
      ConfigSource.layerFrom({
        storage: { dir },
        logging: { level: "none" },
        limits: { concurrency: { principal: 1 } },
        ...config
      })
    ),
    Layer.provideMerge(Layer.mergeAll(Platform.layer, Ids.layer, Environment.layerTest({})))
  )

const running = (config: Record<string, unknown> = {}) =>
  Layer.unwrap(Effect.map(stateFolder, (dir) => instance(dir, config)))

interface Round {
  readonly resultType?: string
  readonly requestState?: string
  readonly inputRequests?: Record<string, unknown>
  readonly content?: ReadonlyArray<{ readonly text: string }>
}

const canElicit = { elicitation: { form: {} } }
const accept = (size: string) => ({ action: "accept", content: { size } })

const call = Effect.fnUntraced(function* (name: string, more: Record<string, unknown> = {}, url?: string) {
  const at = new URL("/mcp", url ?? (yield* Listener).url)
  const { body, headers } = stateless(1, "tools/call", { name, arguments: {}, ...more }, canElicit)
  const message = yield* readJson(yield* post(at, body, headers))
  return (message["result"] ?? message["error"]) as Round
})

const textOf = ({ content }: Round) => content?.[0]?.text

describe("suspended handlers", () => {
  it.concurrent("a handler continues where it waited and repeats nothing", () =>
    Effect.gen(function* () {
      const done = yield* Done
      const first = yield* call("order")
      expect(first).toMatchObject({ resultType: "input_required", inputRequests: { size: {} } })
      expect(done.orders).toBe(1)
      const { requestState } = first
      const last = yield* call("order", { requestState, inputResponses: { size: accept("L") } })
      expect(textOf(last)).toBe("order 1: L")
      expect(done.orders).toBe(1)
    }).pipe(Effect.provide(running()))
  )

  it.concurrent("a handler may request input several times", () =>
    Effect.gen(function* () {
      const done = yield* Done
      const first = yield* call("twice")
      const second = yield* call("twice", {
        requestState: first.requestState,
        inputResponses: { first: accept("S") }
      })
      expect(Object.keys(second.inputRequests ?? {})).toEqual(["second"])
      const last = yield* call("twice", {
        requestState: second.requestState,
        inputResponses: { second: accept("M") }
      })
      expect([textOf(last), done.orders]).toEqual(["S, M", 1])
    }).pipe(Effect.provide(running()))
  )

  it.concurrent("a waiting handler holds no slot, and its requests end as suspended and succeeded", () =>
    Effect.gen(function* () {
      const ends: Array<string> = []
      yield* (yield* Calls).observe({ finished: (_, { status }) => ends.push(status) })
      const first = yield* call("order")
      // The concurrency limit of the principal is 1.
      const other = yield* call("math.add", { arguments: { a: 1, b: 2 } })
      expect(textOf(other)).toBe("3")
      yield* call("order", { requestState: first.requestState, inputResponses: { size: accept("L") } })
      expect(ends).toEqual(["suspended", "succeeded", "succeeded"])
    }).pipe(Effect.provide(running()))
  )

  it.concurrent("a missing or malformed response is requested again", () =>
    Effect.gen(function* () {
      const done = yield* Done
      const { requestState } = yield* call("order")
      const again = yield* call("order", { requestState, inputResponses: { size: { action: "maybe" } } })
      expect(again.resultType).toBe("input_required")
      const last = yield* call("order", {
        requestState: again.requestState,
        inputResponses: { size: accept("L") }
      })
      expect([textOf(last), done.orders]).toEqual(["order 1: L", 1])
    }).pipe(Effect.provide(running()))
  )

  it.concurrent("a request repeated after a lost response gets the same result", () =>
    Effect.gen(function* () {
      const done = yield* Done
      const { requestState } = yield* call("order")
      const resumed = { requestState, inputResponses: { size: accept("L") } }
      const responses = [yield* call("order", resumed), yield* call("order", resumed)]
      expect(responses.map(textOf)).toEqual(["order 1: L", "order 1: L"])
      expect(done.orders).toBe(1)
    }).pipe(Effect.provide(running()))
  )

  it.concurrent("on another instance the handler runs again from its start", () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      const there = yield* Layer.build(instance(dir))
      const url = Context.get(there, Listener).url
      yield* Effect.gen(function* () {
        const { requestState } = yield* call("order")
        const last = yield* call("order", { requestState, inputResponses: { size: accept("L") } }, url)
        expect(textOf(last)).toBe("order 1: L")
        expect([(yield* Done).orders, Context.get(there, Done).orders]).toEqual([1, 1])
      }).pipe(Effect.provide(instance(dir)))
    })
  )

  it.concurrent("beyond the maximum the oldest waiting handler is interrupted", () =>
    Effect.gen(function* () {
      const done = yield* Done
      const first = yield* call("order")
      yield* call("order")
      yield* call("order")
      expect(yield* (yield* SuspendedCalls).count).toBe(2)
      expect(done.interrupted).toBe(1)
      // Its handler was evicted, so it runs again.
      const last = yield* call("order", {
        requestState: first.requestState,
        inputResponses: { size: accept("L") }
      })
      expect(textOf(last)).toBe("order 4: L")
      // A repeated request gets the same result.
      const again = yield* call("order", {
        requestState: first.requestState,
        inputResponses: { size: accept("L") }
      })
      expect([textOf(again), done.orders]).toEqual(["order 4: L", 4])
    }).pipe(Effect.provide(running({ mcp: { suspended_calls: { max_per_principal: 2 } } })))
  )

  it.concurrent("a handler is interrupted when its client exceeds the time-out", () =>
    Effect.gen(function* () {
      const done = yield* Done
      yield* call("order")
      yield* Deferred.await(done.left)
      expect(yield* (yield* SuspendedCalls).count).toBe(0)
    }).pipe(Effect.provide(running({ mcp: { suspended_calls: { timeout: "100 millis" } } })))
  )

  it.concurrent("a handler is resumed only by its own request", () =>
    Effect.gen(function* () {
      const { requestState } = yield* call("order")
      expect(yield* call("twice", { requestState, inputResponses: { size: accept("L") } })).toMatchObject({
        code: -32602
      })
    }).pipe(Effect.provide(running()))
  )

  it.concurrent("a handler is resumed only for equal arguments in any order of keys", () =>
    Effect.gen(function* () {
      const state = (yield* call("order", { arguments: { a: 1, b: { c: 2, d: 3 } } })).requestState
      const resumed = { requestState: state, inputResponses: { size: accept("L") } }
      for (const args of [{}, { a: 2, b: { c: 2, d: 3 } }, { a: 1, b: { c: 2 } }]) {
        expect(yield* call("order", { ...resumed, arguments: args })).toMatchObject({
          code: -32602,
          message: expect.stringContaining("other arguments")
        })
      }
      const last = yield* call("order", { ...resumed, arguments: { b: { d: 3, c: 2 }, a: 1 } })
      expect(textOf(last)).toBe("order 1: L")
    }).pipe(Effect.provide(running()))
  )

  it.concurrent("a completed handler never runs again, even if its result was dropped", () =>
    Effect.gen(function* () {
      const done = yield* Done
      const { requestState } = yield* call("order")
      const resumed = { requestState, inputResponses: { size: accept("L") } }
      expect(textOf(yield* call("order", resumed))).toBe("order 1: L")
      yield* call("order")
      yield* call("order")
      expect(yield* call("order", resumed)).toMatchObject({
        code: -32602,
        message: expect.stringContaining("completed")
      })
      expect(done.orders).toBe(3)
    }).pipe(Effect.provide(running({ mcp: { suspended_calls: { max_per_principal: 2 } } })))
  )

  it.concurrent("a request larger than the quota is not retained and runs again with its responses", () =>
    Effect.gen(function* () {
      const done = yield* Done
      const args = { text: "x".repeat(20_000) }
      const first = yield* call("order", { arguments: args })
      expect([first.resultType, yield* (yield* SuspendedCalls).count]).toEqual(["input_required", 0])
      const { requestState } = first
      const last = yield* call("order", {
        arguments: args,
        requestState,
        inputResponses: { size: accept("L") }
      })
      expect([textOf(last), done.orders]).toEqual(["order 2: L", 2])
    }).pipe(Effect.provide(running({ quotas: { memory: { principal: 10_000 } } })))
  )

  it.concurrent("a request state expires with its call", () =>
    Effect.gen(function* () {
      const done = yield* Done
      const { requestState } = yield* call("order")
      yield* Deferred.await(done.left)
      expect(yield* call("order", { requestState, inputResponses: { size: accept("L") } })).toMatchObject({
        code: -32602
      })
      expect(done.orders).toBe(1)
    }).pipe(Effect.provide(running({ mcp: { suspended_calls: { timeout: "1 second" } } })))
  )
})

const oneToken = { tokens: [{ name: "one", token: "0123456789abcdef0123456789abcdef" }] }

it.live("a handler that waits for a client on a WebSocket ends with the token of the socket", () =>
  Effect.gen(function* () {
    const { url } = yield* Listener
    const done = yield* Done
    const { count } = yield* SuspendedCalls
    const { revoke } = yield* StoredTokens
    const made = yield* create({ name: "asking" })
    const socket = yield* webSocket(new URL("/mcp/ws", url), {
      headers: { authorization: `Bearer ${made.text}` }
    })
    yield* socket.send(stateless(1, "tools/call", { name: "order", arguments: {} }, canElicit).body)
    expect(yield* socket.next).toMatchObject({ result: { resultType: "input_required" } })
    expect([done.orders, yield* count]).toEqual([1, 1])
    // The handler waits for a request on any connection of its principal.
    yield* Effect.sync(() => socket.socket.close())
    yield* socket.closed
    expect(yield* count).toBe(1)
    yield* revoke("asking", "operator")
    yield* Deferred.await(done.left)
    expect([done.interrupted, yield* count]).toEqual([1, 0])
  }).pipe(Effect.provide(running({ auth: oneToken })))
)

it.live("a waiting handler ends with the token of its request, and its request state with it", () =>
  Effect.gen(function* () {
    const { url } = yield* Listener
    const done = yield* Done
    const { count } = yield* SuspendedCalls
    const { revoke } = yield* StoredTokens
    const made = yield* create({ name: "asking" })
    const { body, headers } = stateless(1, "tools/call", { name: "order", arguments: {} }, canElicit)
    const send = (sent: typeof body) =>
      post(new URL("/mcp", url), sent, { ...headers, authorization: `Bearer ${made.text}` })
    const asked = yield* readJson(yield* send(body))
    expect(asked).toMatchObject({ result: { resultType: "input_required" } })
    expect([done.orders, yield* count]).toEqual([1, 1])
    yield* revoke("asking", "operator")
    yield* Deferred.await(done.left)
    expect([done.interrupted, yield* count]).toEqual([1, 0])
    expect((yield* send(body)).status).toBe(401)
  }).pipe(Effect.provide(running({ auth: oneToken })))
)
