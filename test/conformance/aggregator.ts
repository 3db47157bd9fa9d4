/** The service in front of the fixture server, whose entries it serves under their own names. */
import { Effect, FileSystem, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { mcp } from "../../src/program/program.ts"
import { Upstreams } from "../../src/upstreams/Upstreams.ts"
import * as Service from "../../src/program/httpService.ts"

/** The fixture server is connected. */
export const ready = Effect.flatMap(Upstreams, ({ served }) =>
  Effect.forEach(served().values(), ({ connection }) => connection)
)

const foundation = Layer.mergeAll(Platform.layer, Ids.layer, Environment.layerTest({}))

/** `url`: the fixture server over HTTP; absent: it is started and speaks on standard input and output. */
export const aggregator = (url: string | undefined) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const dir = yield* files.makeTempDirectoryScoped({ prefix: "conformance-" })
      const program = new URL("stdio.ts", import.meta.url).pathname
      const server =
        url === undefined ? { command: process.execPath, args: [program, `${dir}/behind`] } : { url }
      return Service.layer({ port: 0 }).pipe(
        Layer.provideMerge(mcp),
        Layer.provide(
          ConfigSource.layerFrom({
            storage: { dir },
            logging: { level: "error" },
            mcpServers: { fixtures: { ...server, prefix: "" } }
          })
        )
      )
    })
  ).pipe(Layer.provideMerge(foundation))
