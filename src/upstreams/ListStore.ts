/** Stored lists of upstream servers, in `<storage.dir>/upstreams`: a fresh start serves them before it has connected. */
import { Context, Effect, FileSystem, Layer, Path, Schema } from "effect"
import { sha256 } from "../../layers/platform/digest.ts"
import { watchFiles } from "../../layers/platform/watchFiles.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import type { ServerSettings } from "../../layers/upstream/section.ts"
import type { Lists } from "./lists.ts"

/** Larger lists are not stored. In characters. */
const maxSize = 16 * 1024 * 1024

const Items = Schema.Array(Schema.Record(Schema.String, Schema.Unknown))
const Stored = Schema.Struct({
  /** Hash of the settings that affect the server's lists. */
  settings: Schema.String,
  lists: Schema.Struct({
    tools: Items,
    prompts: Items,
    resources: Items,
    templates: Items,
    instructions: Schema.optionalKey(Schema.String)
  }),
  /** Hash of the accepted definition of each tool, by the server's own name. */
  pins: Schema.Record(Schema.String, Schema.String),
  /** Tools that are held back, because their definition differs from the pin. */
  held: Schema.Array(Schema.String)
})
type Stored = typeof Stored.Type
const StoredText = Schema.fromJsonString(Stored)

/** Stored state of one server. */
export interface Known {
  readonly lists: Lists
  readonly pins: Readonly<Record<string, string>>
  readonly held: ReadonlyArray<string>
}

const hex = (text: string) => Buffer.from(sha256(text)).toString("hex")

const settingsHash = ({ args, command, cwd, type, url }: ServerSettings) =>
  hex(JSON.stringify([command, args, cwd, type, url]))

export class ListStore extends Context.Service<
  ListStore,
  {
    /** `undefined` if nothing was stored for the server with these settings. */
    readonly load: (server: string, settings: ServerSettings) => Effect.Effect<Known | undefined>
    /** Runs `changed` when the stored lists have changed. Never completes. */
    readonly watch: (server: string, changed: Effect.Effect<void>) => Effect.Effect<never>
    /** Never fails: without stored lists, a server only starts more slowly. */
    readonly save: (server: string, settings: ServerSettings, known: Known) => Effect.Effect<void>
  }
>()("manifold/upstreams/ListStore") {
  static readonly layer = Layer.effect(
    ListStore,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const paths = yield* Path.Path
      const storage = yield* Storage
      const ids = yield* Ids
      const fileOf = (server: string) => storage.path("upstreams", `${hex(server).slice(0, 32)}.json`)
      /** Text that this process wrote last. */
      const saved = new Map<string, string>()
      return ListStore.of({
        watch: (server, changed) =>
          watchFiles([fileOf(server)], changed).pipe(Effect.provideService(FileSystem.FileSystem, fs)),
        load: (server, settings) =>
          Effect.gen(function* () {
            const text = new TextDecoder().decode(yield* fs.readFile(fileOf(server)))
            const stored = yield* Schema.decodeEffect(StoredText)(text)
            return stored.settings === settingsHash(settings)
              ? { lists: stored.lists, pins: stored.pins, held: stored.held }
              : undefined
          }).pipe(Effect.orElseSucceed(() => undefined)),
        save: (server, settings, { held, lists, pins }) =>
          Effect.gen(function* () {
            const { instructions, ...items } = lists
            const stored: Stored = {
              settings: settingsHash(settings),
              lists: { ...items, ...(instructions !== undefined && { instructions }) },
              pins,
              held
            }
            const text = JSON.stringify(stored)
            if (text.length > maxSize) return
            const file = fileOf(server)
            if (saved.get(server) === text) return
            saved.set(server, text)
            const draft = `${file}.${yield* ids.next}`
            yield* fs.makeDirectory(paths.dirname(file), { recursive: true, mode: 0o700 })
            yield* fs.writeFileString(draft, text, { mode: 0o600 }).pipe(
              Effect.andThen(fs.rename(draft, file)),
              Effect.onError(() => Effect.ignore(fs.remove(draft)))
            )
          }).pipe(
            Effect.catch((error) => Effect.logDebug(`upstream ${server}: its lists were not stored`, error))
          )
      })
    })
  )
}
