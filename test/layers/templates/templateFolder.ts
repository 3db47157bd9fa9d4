/** Templates from a temporary folder, and their log lines. */
import { Effect, FileSystem, Layer, Logger, Path } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import type { Filter } from "../../../layers/templates/filters.ts"
import { section } from "../../../layers/templates/section.ts"
import { Templates } from "../../../layers/templates/Templates.ts"

export type Files = Readonly<Record<string, string>>

/** Writes templates into a folder; names without extension get `.sqrl`. */
export const write = (dir: string, files: Files) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    for (const [name, text] of Object.entries(files)) {
      const file = path.join(dir, name.includes(".") ? name : `${name}.sqrl`)
      yield* fs.makeDirectory(path.dirname(file), { recursive: true })
      yield* fs.writeFileString(file, text)
    }
  }).pipe(Effect.provide(Platform.layer))

export interface Options {
  readonly settings?: Record<string, unknown>
  readonly filters?: Readonly<Record<string, Filter>>
}

/** A folder with these templates, the service over it, and its log. */
export const open = Effect.fnUntraced(function* (
  files: Files,
  { filters = {}, settings = {} }: Options = {}
) {
  const fs = yield* FileSystem.FileSystem
  const dir = yield* fs.makeTempDirectoryScoped({ prefix: "templates-" })
  yield* write(dir, files)
  const log: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void log.push(`${logLevel} ${String(message)}`))
  const config = ConfigSource.layerFrom({ templates: { ...settings, dir } })
  const layer = Layer.effect(
    Templates,
    Effect.flatMap(
      Effect.flatMap(ConfigSource, (source) => source.read(section)),
      (read) => Templates.make({ settings: Effect.succeed(read), dir, filters })
    )
  ).pipe(Layer.provide([config, Platform.layer]))
  const context = yield* Layer.build(layer.pipe(Layer.provideMerge(Logger.layer([logger]))))
  const templates = yield* Templates.pipe(Effect.provideContext(context))
  return {
    dir,
    log,
    templates,
    /** Renders with the test's logger. */
    render: (name: string, variables: Record<string, unknown> = {}) =>
      templates.render(name, variables).pipe(Effect.provideContext(context))
  }
}, Effect.provide(Platform.layer))
