/** Certificates that are replaced under load: no request is lost, and new connections are refused at most now and then. */
import { describe, expect } from "bun:test"
import { Effect, Fiber, Layer, Schema } from "effect"
import { Routes } from "../../../layers/http/Routes.ts"
import { Sites } from "../../../layers/http/Sites.ts"
import * as SwappableListener from "../../../layers/http/SwappableListener.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { possible } from "../../support/certificate.ts"
import { make } from "../../support/certificates.ts"
import { it } from "../../support/effect.ts"
import { defaults } from "../../support/listener.ts"

const isLong = process.env["MANIFOLD_LONG_TESTS"] !== undefined
const connections = isLong ? 20_000 : 600
const swaps = isLong ? 10 : 2

const Counts = Schema.fromJsonString(
  Schema.Struct({ served: Schema.Finite, refused: Schema.Finite, lost: Schema.Finite })
)

const load = (port: number) =>
  Effect.promise(async () => {
    const script = new URL("../../support/connectionLoad.ts", import.meta.url).pathname
    const child = Bun.spawn([process.execPath, script, String(port), String(connections)], {
      stdin: "ignore",
      stdout: "pipe"
    })
    return new Response(child.stdout).text()
  }).pipe(Effect.flatMap(Schema.decodeEffect(Counts)))

describe.skipIf(!possible)("under load", () => {
  it.live(
    `replaced certificates lose no request, and refuse ${isLong ? "at most one of a thousand" : "few"} new connections`,
    () =>
      Effect.gen(function* () {
        let requests = 0
        const routes = yield* Routes
        yield* routes.add({
          paths: ["/fast"],
          fetch: () => {
            requests++
            return new Response("complete")
          }
        })
        // Its response begins before a replacement and ends after it.
        yield* routes.add({
          paths: ["/slow"],
          fetch: () => {
            const body = new ReadableStream<string>({
              start: async (controller) => {
                controller.enqueue("begun ")
                await Bun.sleep(100)
                controller.enqueue("complete")
                controller.close()
              }
            })
            return new Response(body)
          }
        })
        const made = yield* Effect.forEach(["one.example", "two.example"], (name) => make({ names: [name] }))
        const sets = made.map((each) => ({
          fallback: each,
          named: Array.from({ length: 100 }, (_, index) => ({ ...each, serverName: `h${index}.example` }))
        }))
        const [first = { fallback: { cert: "", key: "" }, named: [] }] = sets
        const listener = yield* SwappableListener.open({ ...defaults, port: 0 }, first)
        const running = yield* Effect.forkChild(load(listener.port))
        for (let swap = 1; swap <= swaps; swap++) {
          const due = (connections * swap) / (swaps + 1) - connections / 10
          yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => requests >= due })
          yield* listener.replace(sets[swap % 2] ?? first)
        }
        const { lost, refused, served } = yield* Fiber.join(running)
        expect([lost, served + refused]).toEqual([0, connections])
        // A swap refuses the connections that arrive while the previous listener closes.
        expect(refused <= (isLong ? connections / 1000 : swaps * 8)).toBe(true)
      }).pipe(Effect.provide(Layer.mergeAll(Routes.layer, Sites.layer, Ids.layer))),
    120_000
  )
})
