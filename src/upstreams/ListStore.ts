/** Stored lists of upstream servers, in `<storage.dir>/upstreams`: a fresh start serves them before it has connected. */
import { Context, Effect, FileSystem, Layer, Option, Path, Schema } from "effect"
import { sha256 } from "../../layers/platform/digest.ts"
import { watchFiles } from "../../layers/platform/watchFiles.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import type { ServerSettings } from "../../layers/upstream/section.ts"
import type { Lists } from "./lists.ts"

/** Larger lists are not stored. In characters; those of one principal are smaller, because there are more of them. */
const maxSize = 16 * 1024 * 1024
const maxOwnSize = 1024 * 1024
/** Principals whose lists are stored, for each server. A new one replaces the one that was written first. */
const maxPrincipals = 256
/** Files of which this process remembers what it wrote last. */
const maxSaved = 1024

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
const short = (text: string) => hex(text).slice(0, 32)

const settingsHash = ({ args, command, cwd, type, url }: ServerSettings) =>
  hex(JSON.stringify([command, args, cwd, type, url]))

/** Lists of all callers, or of one principal with its own account. */
export interface Lister {
  /** `undefined` if nothing was stored for the server with these settings. */
  readonly load: (server: string, settings: ServerSettings) => Effect.Effect<Known | undefined>
  /** Runs `changed` when the stored lists have changed. Never completes. */
  readonly watch: (server: string, changed: Effect.Effect<void>) => Effect.Effect<never>
  /** Never fails: without stored lists, a server only starts more slowly. */
  readonly save: (server: string, settings: ServerSettings, known: Known) => Effect.Effect<void>
}

export class ListStore extends Context.Service<
  ListStore,
  Lister & {
    readonly ofPrincipal: (key: string) => Lister
    /** Those of all principals that have stored lists of the server, and those of all callers. */
    readonly listers: (server: string) => Effect.Effect<ReadonlyArray<Lister>>
  }
>()("manifold/upstreams/ListStore") {
  static readonly layer = Layer.effect(
    ListStore,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const paths = yield* Path.Path
      const storage = yield* Storage
      const ids = yield* Ids
      const folder = storage.path("upstreams")
      /** Hashes of what this process wrote last, by file. */
      const saved = new Map<string, string>()
      const filesOf = (server: string) =>
        Effect.map(
          Effect.orElseSucceed(fs.readDirectory(folder), () => []),
          (names) => names.filter((name) => name.startsWith(`${short(server)}-`) && name.endsWith(".json"))
        )

      /** Removes the oldest lists of a principal before those of a new one are stored. */
      const makeRoom = Effect.fnUntraced(function* (server: string, file: string) {
        const names = yield* filesOf(server)
        if (names.length < maxPrincipals || names.includes(paths.basename(file))) return
        const ages = yield* Effect.forEach(names, (name) =>
          Effect.map(Effect.option(fs.stat(paths.join(folder, name))), (found) => ({
            name,
            time: Option.getOrUndefined(Option.flatMap(found, ({ mtime }) => mtime))?.getTime() ?? 0
          }))
        )
        const oldest = ages.toSorted((one, other) => one.time - other.time)
        for (const { name } of oldest.slice(0, names.length - maxPrincipals + 1)) {
          yield* Effect.ignore(fs.remove(paths.join(folder, name), { force: true }))
        }
      })

      /** `suffix`: of the files of one principal. */
      const lister = (suffix: string): Lister => {
        const fileOf = (server: string) => paths.join(folder, `${short(server)}${suffix}.json`)
        return {
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
              if (text.length > (suffix === "" ? maxSize : maxOwnSize)) return
              const file = fileOf(server)
              const hash = hex(text)
              if (saved.get(file) === hash) return
              if (saved.size >= maxSaved) saved.clear()
              saved.set(file, hash)
              if (suffix !== "") yield* makeRoom(server, file)
              const draft = `${file}.${yield* ids.next}`
              yield* storage.prepare
              yield* fs.makeDirectory(folder, { recursive: true, mode: 0o700 })
              yield* fs.writeFileString(draft, text, { mode: 0o600 }).pipe(
                Effect.andThen(fs.rename(draft, file)),
                Effect.onError(() => Effect.ignore(fs.remove(draft)))
              )
            }).pipe(
              Effect.catch((error) => Effect.logDebug(`upstream ${server}: its lists were not stored`, error))
            )
        }
      }
      const shared = lister("")
      return ListStore.of({
        ...shared,
        ofPrincipal: (key) => lister(`-${short(key)}`),
        listers: (server) =>
          Effect.map(filesOf(server), (names) => [
            shared,
            ...names.map((name) => lister(name.slice(short(server).length, -".json".length)))
          ])
      })
    })
  )
}
