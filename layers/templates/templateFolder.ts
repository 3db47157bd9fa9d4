/** An operator's folder of templates: everything in it, and when that changes. */
import { Deferred, Effect, FileSystem, Path, Schema, Stream } from "effect"
import type { PlatformError } from "effect/PlatformError"
import type { Source } from "./TemplateSet.ts"

const extension = ".sqrl"
const most = { files: 500, bytes: 256 * 1024 }
/** Saving a file is several events, and half of it is there in between. */
const settling = "25 millis"

export class FolderError extends Schema.TaggedError<FolderError>()("FolderError", {
  dir: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `templates.dir ${this.dir}: ${this.detail}`
  }
}

const unreadable = (dir: string) => (error: PlatformError) =>
  new FolderError({ dir, detail: `cannot be read (${error.reason._tag})` })

/** Every `*.sqrl` in the folder and below it, by its path without the ending. */
export const read = Effect.fnUntraced(
  function* (dir: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const files = yield* fs.readDirectory(dir, { recursive: true })
    const names = files.filter((file) => file.endsWith(extension)).toSorted()
    if (names.length > most.files) {
      return yield* new FolderError({ dir, detail: `has more than ${most.files} templates` })
    }
    const sources = new Map<string, Source>()
    for (const name of names) {
      const file = path.join(dir, name)
      const info = yield* fs.stat(file).pipe(Effect.option)
      // It may have gone since.
      if (info._tag === "None" || info.value.type !== "File") continue
      if (info.value.size > most.bytes) {
        return yield* new FolderError({ dir, detail: `${name} has more than ${most.bytes} bytes` })
      }
      const text = yield* fs.readFileString(file)
      sources.set(name.slice(0, -extension.length).replaceAll("\\", "/"), {
        text: text.replace(/^\uFEFF/, ""),
        file
      })
    }
    return sources
  },
  (effect, dir) => Effect.catchTag(effect, "PlatformError", (error) => unreadable(dir)(error))
)

/** Runs `changed` once it is watching, and after each change in the folder, for ever. */
export const changes = Effect.fnUntraced(
  function* <R>(dir: string, changed: Effect.Effect<void, never, R>) {
    const fs = yield* FileSystem.FileSystem
    const watching = yield* Deferred.make<void>()
    const onReady = () => Deferred.doneUnsafe(watching, Effect.void)
    yield* fs.watch(dir, { recursive: true, onReady }).pipe(
      Stream.merge(Stream.fromEffect(Deferred.await(watching))),
      Stream.debounce(settling),
      Stream.runForEach(() => changed)
    )
  },
  (effect, dir) =>
    Effect.catchTag(effect, "PlatformError", (error) =>
      Effect.fail(new FolderError({ dir, detail: `cannot be watched (${error.reason._tag})` }))
    )
)
