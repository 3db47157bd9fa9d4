/** Interruption over stdio in both eras: a cancelled request and the end of the input stop the handler. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Fiber, Layer, Queue } from "effect"
import { TestClock } from "effect/testing"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { StdioPipe } from "../../../layers/platform/StdioPipe.ts"
import * as Stdio from "../../../layers/transports/Stdio.ts"
import { mcp } from "../../../src/program/program.ts"
import { it } from "../../support/effect.ts"
import { Held, holding, initialize, request, stateFolder, stateless } from "../../support/service.ts"

const program = holding.pipe(
  Layer.provideMerge(mcp),
  Layer.provideMerge(
    Layer.unwrap(Effect.map(stateFolder, (dir) => ConfigSource.layerFrom({ storage: { dir } })))
  ),
  Layer.provideMerge(Layer.mergeAll(Platform.layer, Ids.layer, Environment.layerTest({})))
)

const eras = [
  ["session era", [initialize(), request(1, "tools/call", { name: "wait" })]],
  ["stateless era", [stateless(1, "tools/call", { name: "wait", arguments: {} }).body]]
] as const

/** A served pipe in memory and its client end. */
const connected = Effect.gen(function* () {
  const pipe = yield* StdioPipe.memory
  const server = yield* Effect.forkChild(
    Stdio.serve({ maxMessageBytes: 1 << 20 }).pipe(Effect.provide(pipe.layer))
  )
  return {
    ...pipe,
    server,
    sendText: pipe.send,
    send: (message: object) => pipe.send(`${JSON.stringify(message)}\n`)
  }
})

it.live("a call that is sent together with the handshake gets its response after that of the handshake", () =>
  Effect.gen(function* () {
    const { received, sendText } = yield* connected
    const add = request(1, "tools/call", { name: "math.add", arguments: { a: 2, b: 3 } })
    yield* sendText(`${JSON.stringify(initialize())}\n${JSON.stringify(add)}\n`)
    const ids = yield* Effect.replicateEffect(
      Effect.map(Queue.take(received), (line) => (JSON.parse(line) as { readonly id: number }).id),
      2
    )
    expect(ids).toEqual([0, 1])
  }).pipe(Effect.provide(program))
)

for (const [era, messages] of eras) {
  describe(era, () => {
    it.live("the end of the input interrupts the handler, and the server returns", () =>
      Effect.gen(function* () {
        const held = yield* Held
        const { end, send, server } = yield* connected
        for (const message of messages) yield* send(message)
        yield* Deferred.await(held.started)
        yield* end
        yield* Deferred.await(held.interrupted)
        yield* Fiber.join(server)
      }).pipe(Effect.provide(program))
    )

    it.live("notifications/cancelled interrupts the handler, and the next request is served", () =>
      Effect.gen(function* () {
        const held = yield* Held
        const { received, send } = yield* connected
        for (const message of messages) yield* send(message)
        yield* Deferred.await(held.started)
        yield* send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } })
        yield* Deferred.await(held.interrupted)
        const next = era === "session era" ? request(2, "tools/list") : stateless(2, "tools/list").body
        yield* send(next)
        const ids: Array<unknown> = []
        while (ids.at(-1) !== 2) ids.push((JSON.parse(yield* Queue.take(received)) as { id: unknown }).id)
        expect(ids).not.toContain(1)
      }).pipe(Effect.provide(program))
    )
  })
}

it.live("the last line needs no line end, and a byte order mark is ignored", () =>
  Effect.gen(function* () {
    const { end, received, sendText, server } = yield* connected
    yield* sendText(`\ufeff${JSON.stringify(initialize())}\r\n\ufeff\n \r\n`)
    yield* sendText(`\ufeff${JSON.stringify(request(1, "ping"))}`)
    yield* end
    yield* Fiber.join(server)
    const ids = (yield* Queue.takeAll(received)).map((line) => (JSON.parse(line) as { id: unknown }).id)
    expect(ids).toEqual([0, 1])
  }).pipe(Effect.provide(program))
)

it.live("a closed standard output ends the server while the input is open", () =>
  Effect.gen(function* () {
    const held = yield* Held
    const { hangUp, send, server } = yield* connected
    for (const message of [initialize(), request(1, "tools/call", { name: "wait" })]) yield* send(message)
    yield* Deferred.await(held.started)
    yield* hangUp
    yield* send(request(2, "ping"))
    yield* Fiber.join(server)
    yield* Deferred.await(held.interrupted)
  }).pipe(Effect.provide(program))
)

it.effect("after the end of the input, the last response has its full time limit", () =>
  Effect.gen(function* () {
    const held = yield* Held
    const pipe = yield* StdioPipe.memory
    const ready = yield* Deferred.make<void>()
    const options = { maxMessageBytes: 1 << 20, prepared: Deferred.await(ready) }
    const server = yield* Effect.forkChild(Effect.provide(Stdio.serve(options), pipe.layer))
    yield* pipe.send(`${JSON.stringify(stateless(1, "tools/call", { name: "wait", arguments: {} }).body)}\n`)
    yield* Deferred.await(held.started)
    yield* pipe.end
    yield* TestClock.adjust("1 second")
    yield* Deferred.succeed(held.release, undefined)
    expect(yield* Queue.take(pipe.received)).toContain("released")
    yield* Fiber.join(server)
  }).pipe(Effect.provide(program))
)
