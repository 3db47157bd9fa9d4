/** Reads and watches the operator's template folder. */
import { Deferred, Effect, FileSystem, Path, Schema, Stream } from "effect"
import type { PlatformError } from "effect/PlatformError"
import type { Source } from "./TemplateSet.ts"

const extension = ".sqrl"
const max = { files: 500, bytes: 256 * 1024 }
/** Debounce time: saving a file causes several events, and the file may be incomplete between them. */
const debounce = "25 millis"

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

/** All `*.sqrl` files in the folder and its subfolders, by relative path without extension. */
export const read = Effect.fnUntraced(
  function* (dir: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const files = yield* fs.readDirectory(dir, { recursive: true })
    const names = files.filter((file) => file.endsWith(extension)).toSorted()
    if (names.length > max.files) {
      return yield* new FolderError({ dir, detail: `has more than ${max.files} templates; remove some` })
    }
    const sources = new Map<string, Source>()
    for (const name of names) {
      const file = path.join(dir, name)
      const info = yield* fs.stat(file).pipe(Effect.option)
      // The file may have been removed in the meantime.
      if (info._tag === "None" || info.value.type !== "File") continue
      if (info.value.size > max.bytes) {
        return yield* new FolderError({ dir, detail: `${name} is larger than ${max.bytes} bytes` })
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

/** Runs `changed` when the watch has started and after each change in the folder. Never returns. */
export const changes = Effect.fnUntraced(
  function* <R>(dir: string, changed: Effect.Effect<void, never, R>) {
    const fs = yield* FileSystem.FileSystem
    const watching = yield* Deferred.make<void>()
    const onReady = () => Deferred.doneUnsafe(watching, Effect.void)
    yield* fs.watch(dir, { recursive: true, onReady }).pipe(
      Stream.merge(Stream.fromEffect(Deferred.await(watching))),
      Stream.debounce(debounce),
      Stream.runForEach(() => changed)
    )
  },
  (effect, dir) =>
    Effect.catchTag(effect, "PlatformError", (error) =>
      Effect.fail(new FolderError({ dir, detail: `cannot be watched (${error.reason._tag})` }))
    )
)
