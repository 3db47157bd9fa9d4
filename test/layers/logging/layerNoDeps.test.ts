/** The log without its own dependencies: the provided Storage decides the folder of a relative `logging.file`. */
import { expect } from "bun:test"
import { Effect, FileSystem, Layer } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import * as Logging from "../../../layers/logging/Logging.ts"
import { OutputStreams } from "../../../layers/platform/OutputStreams.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { Storage } from "../../../layers/storage/Storage.ts"
import { it } from "../../support/effect.ts"

it.effect("a relative logging.file is inside the folder of the provided Storage", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    const storage = Layer.mock(Storage, { dir: folder, path: (...parts) => [folder, ...parts].join("/") })
    const layer = Layer.fresh(Logging.layerNoDeps).pipe(
      Layer.provide(storage),
      Layer.provide(ConfigSource.layerFrom({ logging: { file: "here.log" } })),
      Layer.provide(OutputStreams.layerTest(() => Effect.void)),
      Layer.provide(Platform.layer)
    )
    yield* Effect.scoped(Effect.provide(Effect.logWarning("kept"), layer))
    expect(yield* fs.readFileString(`${folder}/here.log`)).toContain('"message":"kept"')
  }).pipe(Effect.provide(Platform.layer))
)
