/** Order of the messages of one request, for a slow reader. */
import { expect } from "bun:test"
import type { JSONRPCMessage } from "@modelcontextprotocol/server"
import { Deferred, Effect, Layer } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { fromValue, MessageRejection } from "../../../layers/transports/jsonRpc.ts"
import { Wire } from "../../../layers/transports/Wire.ts"
import { McpServers } from "../../../layers/transports/McpServers.ts"
import { mcp } from "../../../src/program/program.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import { it } from "../../support/effect.ts"
import { Held, holding, initialize, request, stateFolder } from "../../support/service.ts"

const program = holding.pipe(
  Layer.provideMerge(mcp),
  Layer.provideMerge(
    Layer.unwrap(Effect.map(stateFolder, (dir) => ConfigSource.layerFrom({ storage: { dir } })))
  ),
  Layer.provideMerge(Layer.mergeAll(Platform.layer, Ids.layer, Environment.layerTest({})))
)

/** A peer that accepts progress only after `take`. */
const slowPeer = () => {
  const taken = Promise.withResolvers<void>()
  const sent: Array<JSONRPCMessage> = []
  const answered = new Map<unknown, () => void>()
  const write = (text: string) => {
    const message = JSON.parse(text) as JSONRPCMessage
    sent.push(message)
    if ("method" in message && message.method === "notifications/progress") return taken.promise
    if ("id" in message) answered.get(message.id)?.()
    return Promise.resolve()
  }
  return { pipe: { write, close: () => {} }, sent, take: taken.resolve, answered }
}

it.live("a response is sent after the progress notifications before it", () =>
  Effect.gen(function* () {
    const servers = yield* McpServers
    const { release } = yield* Held
    yield* Deferred.succeed(release, undefined)
    const { answered, pipe, sent, take } = slowPeer()
    const wire = new Wire(pipe, servers, () => {})
    const ask = (message: { readonly id: number }) =>
      new Promise<void>((resolve) => {
        answered.set(message.id, resolve)
        const parsed = fromValue(message)
        if (!(parsed instanceof MessageRejection)) wire.receive(parsed, { principal: stdioUser })
      })
    yield* Effect.promise(async () => {
      await ask(initialize())
      const answer = ask(request(1, "tools/call", { name: "tick", _meta: { progressToken: "p" } }))
      // The same server responds to other requests meanwhile.
      await ask(request(2, "tools/call", { name: "math.add", arguments: { a: 1, b: 2 } }))
      await ask(request(3, "ping"))
      const before = sent.length
      take()
      await answer
      expect(sent.slice(0, before)).not.toContainEqual(expect.objectContaining({ id: 1 }))
      const heard = sent.map((message) => ("method" in message ? message.method : message.id))
      expect(heard.filter((each) => each !== 2 && each !== 3)).toEqual([
        0,
        "notifications/progress",
        "notifications/message",
        "notifications/progress",
        1
      ])
    })
  }).pipe(Effect.provide(program))
)
