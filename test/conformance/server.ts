/** The real HTTP service with the suite's fixtures in its catalog: `bun test/conformance/server.ts [port]`. */
import { Console, Effect, FileSystem, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import { Listener } from "../../layers/http/Listener.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { mcp } from "../../src/program/program.ts"
import * as Service from "../../src/program/httpService.ts"
import * as fixtures from "./fixtures/index.ts"

const foundation = Layer.mergeAll(Platform.layer, Ids.layer, Environment.layerTest({}))

/** Listens on 127.0.0.1; port 0 means a free port. State is in a temporary folder. */
export const layer = (port: number) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const dir = yield* files.makeTempDirectoryScoped({ prefix: "conformance-" })
      return Service.layer({ port }).pipe(
        Layer.provideMerge(fixtures.layer.pipe(Layer.provideMerge(mcp))),
        Layer.provide(ConfigSource.layerFrom({ storage: { dir }, logging: { level: "error" } }))
      )
    })
  ).pipe(Layer.provideMerge(foundation))

export const endpoint = Effect.map(Listener, ({ url }) => new URL("/mcp", url).href)

if (import.meta.main) {
  endpoint.pipe(
    Effect.flatMap((url) => Console.error(url)),
    Effect.andThen(Effect.never),
    Effect.provide(layer(Number(Bun.argv[2] ?? 0))),
    Platform.runMain
  )
}
