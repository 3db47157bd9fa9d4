/** Notices when files were written, replaced or removed, by looking at them at intervals. */
import { Effect, FileSystem, Option } from "effect"

/** Looking is one `stat`. It sees what notifications miss: links that point elsewhere, network folders, mounted files. */
const interval = "2 seconds"
/** A program that writes a file in place empties it first. */
const settling = "200 millis"

const stamp = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const info = yield* Effect.option(fs.stat(file))
  return Option.match(info, {
    onNone: () => "absent",
    onSome: ({ ino, mtime, size }) =>
      `${Option.getOrElse(ino, () => 0)} ${size} ${Option.match(mtime, { onNone: () => 0, onSome: Number })}`
  })
})

/** What the files are like now: it differs when one of them was written, replaced or removed. */
export const stampOf = (files: ReadonlyArray<string>) =>
  Effect.map(Effect.forEach(files, stamp), (found) => found.join("\n"))

const settled = Effect.fnUntraced(function* (files: ReadonlyArray<string>) {
  let last = yield* stampOf(files)
  while (true) {
    yield* Effect.sleep(settling)
    const now = yield* stampOf(files)
    if (now === last) return now
    last = now
  }
})

/**
 * Runs `changed` after each change of any of the files since `before`, which is now by default, once they no longer
 * change. Never ends.
 */
export const watchFiles = Effect.fnUntraced(function* (
  files: ReadonlyArray<string>,
  changed: Effect.Effect<unknown>,
  before?: string
) {
  let seen = before ?? (yield* stampOf(files))
  while (true) {
    yield* Effect.sleep(interval)
    if ((yield* stampOf(files)) === seen) continue
    seen = yield* settled(files)
    yield* changed
  }
})
