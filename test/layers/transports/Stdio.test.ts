/** Interruption over stdio, in both eras: a cancelled request and the end of the input stop the handler. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Fiber, Layer, Queue, Stream } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { StdioPipe } from "../../../layers/platform/StdioPipe.ts"
import * as Stdio from "../../../layers/transports/Stdio.ts"
import { mcp } from "../../../src/cli/program.ts"
import { it } from "../../support/effect.ts"
import { Held, holding, initialize, request, stateFolder, stateless } from "../../support/service.ts"

const program = holding.pipe(
  Layer.provideMerge(mcp),
  Layer.provideMerge(Layer.unwrap(Effect.map(stateFolder, (dir) => ConfigSource.layerFrom({ storage: { dir } })))),
  Layer.provideMerge(Layer.mergeAll(Platform.layer, Ids.layer, Environment.layerTest({})))
)

const eras = [
  ["session era", [initialize(), request(1, "tools/call", { name: "wait" })]],
  ["stateless era", [stateless(1, "tools/call", { name: "wait", arguments: {} }).body]]
] as const

/** A served pipe: what is put into `input` is read by the server. */
const connected = Effect.gen(function* () {
  const input = yield* Queue.unbounded<Uint8Array, import("effect/Cause").Done>()
  const written: Array<string> = []
  const pipe = StdioPipe.of({
    input: Stream.fromQueue(input),
    write: async (chunk) => {
      written.push(chunk)
    },
    guardStdout: Effect.void
  })
  const server = yield* Effect.forkChild(
    Stdio.serve({ maxMessageBytes: 1 << 20 }).pipe(Effect.provideService(StdioPipe, pipe))
  )
  const send = (message: object) => Queue.offer(input, new TextEncoder().encode(`${JSON.stringify(message)}\n`))
  return { input, send, server, written }
})

for (const [era, messages] of eras) {
  describe(era, () => {
    it.live("the end of the input interrupts the handler, and the server returns", () =>
      Effect.gen(function* () {
        const held = yield* Held
        const { input, send, server } = yield* connected
        for (const message of messages) yield* send(message)
        yield* Deferred.await(held.started)
        yield* Queue.end(input)
        yield* Deferred.await(held.interrupted)
        yield* Fiber.join(server)
      }).pipe(Effect.provide(program))
    )

    it.live("notifications/cancelled interrupts the handler, and the next request is served", () =>
      Effect.gen(function* () {
        const held = yield* Held
        const { send, written } = yield* connected
        for (const message of messages) yield* send(message)
        yield* Deferred.await(held.started)
        yield* send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } })
        yield* Deferred.await(held.interrupted)
        expect(written.some((line) => line.includes('"id":1,') || line.includes('"id":1}'))).toBe(false)
      }).pipe(Effect.provide(program))
    )
  })
}
