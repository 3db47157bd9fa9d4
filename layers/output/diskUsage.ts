/** Disk quota of the output folder, per principal and in total. A file in the folder records who owns each file. */
import { Clock, Effect, FileSystem, Option, Path, Schema, Semaphore } from "effect"
import type { Quota } from "../quotas/Quota.ts"
import { fileNumber } from "./fileTypes.ts"
import { safeName } from "./safeNames.ts"
import { isOwnerFolder } from "./ownerFolder.ts"
import { monotonicMillis } from "../platform/monotonic.ts"

/** One JSON line per file: its path and the key of its principal. `safeName` never returns this name. */
const ownersFile = ".owners.jsonl"
/** Owner of files that are not in the owners file, such as those of earlier versions. */
const unknownOwner = ""
/** Minimum time between two counts, in ms. Users may remove files, so a full quota triggers a new count. */
const recountInterval = 10_000
/** The owners file is compacted when it has more lines than twice the number of files plus this. */
const spareLines = 1000
const maxWriters = 1_000_000
/** Maximum number of files counted. */
const maxFiles = 100_000

const Line = Schema.fromJsonString(Schema.Struct({ file: Schema.String, owner: Schema.String }))
const decodeLine = Schema.decodeUnknownOption(Line)

export interface DiskUsageOptions {
  readonly quota: Quota
  /** The output folder. */
  readonly root: Effect.Effect<string>
}

export const make = Effect.fnUntraced(function* ({ quota, root }: DiskUsageOptions) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const clock = yield* Clock.Clock
  const lock = yield* Semaphore.make(1)
  /** Writing a file takes one permit, counting takes all: a count never sees a partial write. */
  const writers = yield* Semaphore.make(maxWriters)
  /** Bytes per owner; `undefined` before the first count. */
  let counted: ReadonlyMap<string, number> | undefined
  let countedAt = 0

  const entries = (...folder: ReadonlyArray<string>) =>
    Effect.orElseSucceed(fs.readDirectory(paths.join(...folder)), (): ReadonlyArray<string> => [])

  /** Client folders: those in the shared folder, and those in each owner's folder. */
  const clients = Effect.fnUntraced(function* (base: string) {
    const found: Array<string> = []
    for (const name of yield* entries(base)) {
      if (safeName(name) === name) found.push(name)
      else if (isOwnerFolder(name)) {
        for (const client of yield* entries(base, name)) {
          if (safeName(client) === client) found.push(`${name}/${client}`)
        }
      }
    }
    return found
  })

  /** Size in bytes of each file, by its relative path with slashes. */
  const files = Effect.fnUntraced(function* (base: string) {
    const found = new Map<string, number>()
    for (const client of yield* clients(base)) {
      for (const project of yield* entries(base, client)) {
        for (const file of yield* entries(base, client, project)) {
          if (fileNumber(file) === undefined || found.size >= maxFiles) continue
          const name = `${client}/${project}/${file}`
          const info = yield* Effect.option(fs.stat(paths.join(base, name)))
          if (Option.isSome(info)) found.set(name, Number(info.value.size))
        }
      }
    }
    return found
  })

  const owners = Effect.fnUntraced(function* (base: string) {
    const text = yield* Effect.orElseSucceed(fs.readFileString(paths.join(base, ownersFile)), () => "")
    const lines = text.split("\n").filter((line) => line !== "")
    const found = new Map<string, string>()
    for (const line of lines) {
      const decoded = decodeLine(line)
      if (Option.isSome(decoded)) found.set(decoded.value.file, decoded.value.owner)
    }
    return { found, lines: lines.length }
  })

  const lineOf = (file: string, owner: string) => `${JSON.stringify({ file, owner })}\n`

  const count = Effect.gen(function* () {
    const base = yield* root
    const present = yield* files(base)
    const known = yield* owners(base)
    const sums = new Map<string, number>()
    for (const [file, bytes] of present) {
      const owner = known.found.get(file) ?? unknownOwner
      sums.set(owner, (sums.get(owner) ?? 0) + bytes)
    }
    for (const [owner, bytes] of counted ?? []) quota.release(owner, bytes)
    for (const [owner, bytes] of sums) quota.charge(owner, bytes)
    counted = sums
    countedAt = monotonicMillis(clock)
    if (known.lines <= 2 * present.size + spareLines) return
    const kept = [...known.found].filter(([file]) => present.has(file))
    yield* fs
      .writeFileString(
        paths.join(base, ownersFile),
        kept.map(([file, owner]) => lineOf(file, owner)).join("")
      )
      .pipe(Effect.ignore({ log: "Warn" }))
  })

  const counting = writers.withPermits(maxWriters)(count)

  /** Takes bytes of the owner's quota; false if it is used up. Removed files are noticed only then. */
  const take = Effect.fnUntraced(function* (owner: string, bytes: number) {
    if (counted === undefined) yield* counting
    if (quota.take(owner, bytes)) return true
    if (monotonicMillis(clock) - countedAt < recountInterval) return false
    yield* counting
    return quota.take(owner, bytes)
  })

  /** Records a written file, so that its bytes are part of the next counts. */
  const record = Effect.fnUntraced(function* (file: string, owner: string, bytes: number) {
    counted = new Map(counted).set(owner, (counted?.get(owner) ?? 0) + bytes)
    const path = paths.join(yield* root, ownersFile)
    yield* fs
      .writeFileString(path, lineOf(file, owner), { flag: "a", mode: 0o600 })
      .pipe(Effect.ignore({ log: "Warn" }))
  })

  /**
   * Runs `write` if the quota of the owner (a principal's key) allows `bytes` more; otherwise returns `undefined`.
   * `fileOf` returns the relative path of the written file, or `undefined` if none was written.
   */
  const within = <A, E, R>(
    owner: string,
    bytes: number,
    write: Effect.Effect<A, E, R>,
    fileOf: (written: A) => string | undefined
  ): Effect.Effect<A | undefined, E, R> =>
    Effect.gen(function* () {
      if (!(yield* lock.withPermit(take(owner, bytes)))) return undefined
      let file: string | undefined
      return yield* Effect.tap(write, (written) => {
        file = fileOf(written)
        return file === undefined ? Effect.void : record(file, owner, bytes)
      }).pipe(
        writers.withPermit,
        Effect.ensuring(
          Effect.sync(() => {
            if (file === undefined) quota.release(owner, bytes)
          })
        )
      )
    })

  return { within }
})
