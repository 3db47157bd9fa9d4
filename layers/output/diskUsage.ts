/** Disk quota of the output folder: bytes of files per principal, kept in a file beside them, and in total. */
import { Clock, Effect, FileSystem, Option, Path, Schema, Semaphore } from "effect"
import type { Quota } from "../quotas/Quota.ts"
import { fileNumber, safeName } from "./safeNames.ts"
import { isOwnerFolder } from "./ownerFolder.ts"

/** One line for each file: the principal whose call made it. A name that no client's folder can have. */
const ownersFile = ".owners.jsonl"
/** The owner of files whose maker is not known, such as those of earlier versions. */
const unknownOwner = ""
/** Files may have been removed since they were counted; they are counted again at most this often, in milliseconds. */
const recountInterval = 10_000
/** The owners file is rewritten when it has so many lines more than twice the number of files. */
const spareLines = 1000
const mostWriters = 1_000_000
/** Folders and files that are looked at. */
const mostFiles = 100_000

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
  /** One for each file that is being written, and all of them to count, which must not find half of a change. */
  const writers = yield* Semaphore.make(mostWriters)
  /** What was counted, by owner; `undefined` before the first use. */
  let counted: ReadonlyMap<string, number> | undefined
  let countedAt = 0

  const entries = (...folder: ReadonlyArray<string>) =>
    Effect.orElseSucceed(fs.readDirectory(paths.join(...folder)), (): ReadonlyArray<string> => [])

  /** The folders of clients: of the common part, and of each owner's. */
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

  /** Each file by its path in the output folder, with slashes, and its size in bytes. */
  const files = Effect.fnUntraced(function* (base: string) {
    const found = new Map<string, number>()
    for (const client of yield* clients(base)) {
      for (const project of yield* entries(base, client)) {
        for (const file of yield* entries(base, client, project)) {
          if (fileNumber(file) === undefined || found.size >= mostFiles) continue
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
    countedAt = clock.currentTimeMillisUnsafe()
    if (known.lines <= 2 * present.size + spareLines) return
    const kept = [...known.found].filter(([file]) => present.has(file))
    yield* fs
      .writeFileString(
        paths.join(base, ownersFile),
        kept.map(([file, owner]) => lineOf(file, owner)).join("")
      )
      .pipe(Effect.ignore({ log: "Warn" }))
  })

  const counting = writers.withPermits(mostWriters)(count)

  /** The principal's part of the quota, or false. Files that are gone are noticed when it is used up. */
  const take = Effect.fnUntraced(function* (owner: string, bytes: number) {
    if (counted === undefined) yield* counting
    if (quota.take(owner, bytes)) return true
    if (clock.currentTimeMillisUnsafe() - countedAt < recountInterval) return false
    yield* counting
    return quota.take(owner, bytes)
  })

  /** After a file was written: what was taken for it is counted like the rest from now on. */
  const note = Effect.fnUntraced(function* (file: string, owner: string, bytes: number) {
    counted = new Map(counted).set(owner, (counted?.get(owner) ?? 0) + bytes)
    const path = paths.join(yield* root, ownersFile)
    yield* fs
      .writeFileString(path, lineOf(file, owner), { flag: "a", mode: 0o600 })
      .pipe(Effect.ignore({ log: "Warn" }))
  })

  /**
   * Runs `write` if the owner, which is a principal's key, may keep so many bytes more; `undefined` if it may not.
   * `fileOf` says which file was written, by its path in the output folder, or `undefined` if none was.
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
        return file === undefined ? Effect.void : note(file, owner, bytes)
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
