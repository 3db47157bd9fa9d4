/** Append-only file with rotation by size. */
import { Effect, Exit, FileSystem, Option, Path, Scope, Semaphore } from "effect"
import type { PlatformError } from "effect/PlatformError"

export interface RotatingFileOptions {
  readonly path: string
  /** Maximum bytes per file. Writes are not split, so one larger write makes a larger file. */
  readonly maxBytes: number
  /** Number of rotated files; `<path>.1` is the newest. */
  readonly keep: number
}

interface Opened {
  readonly file: FileSystem.File
  readonly scope: Scope.Closeable
  readonly inode: bigint | undefined
}

const absent = <A>(effect: Effect.Effect<A, PlatformError>) =>
  Effect.catchTag(effect, "PlatformError", (error) =>
    error.reason._tag === "NotFound" ? Effect.undefined : Effect.fail(error)
  )

/**
 * Returns the append function. The file is opened at the first write, and reopened after it was removed or renamed, or a
 * write failed. Processes may share it: each appends whole writes, and the one that finds it full rotates it. (Two at the
 * same instant may rotate twice and so keep one file less.)
 */
export const make = Effect.fnUntraced(function* ({ keep, maxBytes, path }: RotatingFileOptions) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const encoder = new TextEncoder()
  const one = yield* Semaphore.make(1)
  let opened: Opened | undefined

  const close = Effect.suspend(() => {
    const scope = opened?.scope
    opened = undefined
    return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
  })

  const open = Effect.gen(function* () {
    yield* fs.makeDirectory(paths.dirname(path), { recursive: true, mode: 0o700 })
    const scope = yield* Scope.make()
    const file = yield* fs.open(path, { flag: "a", mode: 0o600 }).pipe(Scope.provide(scope))
    const { ino } = yield* file.stat
    return (opened = { file, scope, inode: Option.getOrUndefined(ino) })
  })

  const rotate = Effect.gen(function* () {
    yield* close
    if (keep === 0) return yield* absent(fs.remove(path))
    for (let age = keep - 1; age > 0; age--) yield* absent(fs.rename(`${path}.${age}`, `${path}.${age + 1}`))
    return yield* absent(fs.rename(path, `${path}.1`))
  })

  const append = Effect.fnUntraced(function* (bytes: Uint8Array) {
    const now = yield* absent(fs.stat(path))
    if (opened !== undefined && Option.getOrUndefined(now?.ino ?? Option.none()) !== opened.inode)
      yield* close
    // Devices and pipes are not rotated.
    const full = now?.type === "File" && now.size > 0n && Number(now.size) + bytes.length > maxBytes
    if (full) yield* rotate
    yield* (opened ?? (yield* open)).file.writeAll(bytes)
  })

  yield* Effect.addFinalizer(() => close)
  return (batch: Uint8Array | string): Effect.Effect<void, PlatformError> =>
    append(typeof batch === "string" ? encoder.encode(batch) : batch).pipe(
      Effect.onError(() => close),
      one.withPermit
    )
})
