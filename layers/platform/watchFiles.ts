/** Watches files for changes by polling `stat`. */
import { Effect, FileSystem, Option } from "effect"

/** Polling interval. Unlike file system events, polling also detects changed links, network folders and mounted files. */
const interval = "2 seconds"
/** Debounce: a program that writes a file in place truncates it first. */
const debounce = "200 millis"

const stamp = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const info = yield* Effect.option(fs.stat(file))
  return Option.match(info, {
    onNone: () => "absent",
    onSome: ({ ino, mtime, size }) =>
      `${Option.getOrElse(ino, () => 0)} ${size} ${Option.match(mtime, { onNone: () => 0, onSome: Number })}`
  })
})

/** A fingerprint of the files, which changes when one of them is written, replaced or removed. */
export const stampOf = (files: ReadonlyArray<string>) =>
  Effect.map(Effect.forEach(files, stamp), (found) => found.join("\n"))

const untilStable = Effect.fnUntraced(function* (files: ReadonlyArray<string>) {
  let last = yield* stampOf(files)
  while (true) {
    yield* Effect.sleep(debounce)
    const now = yield* stampOf(files)
    if (now === last) return now
    last = now
  }
})

/**
 * Runs `changed` after each change of a file since the fingerprint `before` (default: now), once the files are stable.
 * Never completes.
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
    seen = yield* untilStable(files)
    yield* changed
  }
})
