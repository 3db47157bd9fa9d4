/** Stored lists of upstream servers, in `<storage.dir>/upstreams`: a fresh start serves them before it has connected. */
import { Context, Effect, FileSystem, Layer, Option, Path } from "effect"
import { quickHash, sha256Hex } from "../../layers/platform/digest.ts"
import { readTextNow } from "../../layers/platform/readTextNow.ts"
import { watchFiles } from "../../layers/platform/watchFiles.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import type { ServerSettings } from "../../layers/upstream/section.ts"
import { fromText, type Known, toJson, toText } from "./storedText.ts"

/** Larger lists are not stored. In characters; those of one principal are smaller, because there are more of them. */
const maxSize = 16 * 1024 * 1024
const maxOwnSize = 1024 * 1024
/** Principals whose lists are stored, for each server. A new one replaces the one that was written first. */
const maxPrincipals = 256
/** Files of which this process remembers what it read or wrote last. */
const maxSaved = 1024

const short = (text: string) => sha256Hex(text).slice(0, 32)

const settingsHash = ({ args, command, cwd, type, url }: ServerSettings) =>
  sha256Hex(JSON.stringify([command, args, cwd, type, url]))

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
      /** Hashes of what this process read or wrote last, by file. */
      const saved = new Map<string, number>()
      /** False if it was remembered before. */
      const remember = (file: string, json: string): boolean => {
        const hash = quickHash(json)
        if (saved.get(file) === hash) return false
        if (saved.size >= maxSaved) saved.clear()
        saved.set(file, hash)
        return true
      }
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
              const file = fileOf(server)
              const text = yield* Effect.try(() => readTextNow(file))
              const { canPick, held, json, lists, pins, settings: hash } = yield* fromText(text)
              if (hash !== settingsHash(settings)) return undefined
              // Files of principals are written again after each start: the oldest ones are removed.
              if (json !== undefined && suffix === "") remember(file, json)
              return { lists, pins, held, canPick }
            }).pipe(Effect.orElseSucceed(() => undefined)),
          save: (server, settings, known) =>
            Effect.gen(function* () {
              const json = toJson(settingsHash(settings), known)
              if (json.length > (suffix === "" ? maxSize : maxOwnSize)) return
              const file = fileOf(server)
              if (!remember(file, json)) return
              const text = toText(json, known)
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
