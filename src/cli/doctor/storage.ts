/** Checks the state folder: its version, write permission, free space, and the file modes of keys. */
import { Effect, FileSystem, Path } from "effect"
import type { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import type { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { Machine } from "../../../layers/platform/Machine.ts"
import { Storage } from "../../../layers/storage/Storage.ts"
import { type Check, fail, type Finding, ok, warn } from "./Check.ts"
import { notCheckable } from "./configuration.ts"

const mib = 1024 * 1024
const [warnBelow, failBelow] = [256 * mib, 16 * mib]

/** The folder itself, or its nearest existing ancestor. */
const nearest = Effect.fnUntraced(function* (dir: string) {
  const fs = yield* FileSystem.FileSystem
  const { dirname } = yield* Path.Path
  let place = dir
  while (!(yield* Effect.orElseSucceed(fs.exists(place), () => false)) && dirname(place) !== place)
    place = dirname(place)
  return place
})

/** Writes and removes a file if the folder exists, because file modes do not show a full or read-only disk. */
const writable = Effect.fnUntraced(function* (dir: string, place: string) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const file = join(dir, `.doctor-${yield* (yield* Ids).next}`)
  const probe =
    place === dir
      ? Effect.ensuring(fs.writeFile(file, new Uint8Array(1), { flag: "wx" }), Effect.ignore(fs.remove(file)))
      : fs.access(place, { writable: true })
  return yield* probe.pipe(
    Effect.as(ok(place === dir ? `${dir} is writable` : `${dir} will be created on first use`)),
    Effect.catchTag("PlatformError", (error) =>
      Effect.succeed(
        fail(
          `cannot write ${place} (${error.reason._tag}): let this user write it, or set storage.dir (or MANIFOLD_STORAGE_DIR) to another folder`
        )
      )
    )
  )
})

const space = Effect.fnUntraced(function* (place: string) {
  const free = yield* (yield* Machine).freeBytes(place)
  const shown = `${Math.floor(free / mib)} MiB free in ${place}`
  if (free < failBelow) return fail(`${shown}: free some space`)
  return free < warnBelow ? warn(`${shown}: free some space soon`) : ok(shown)
})

/** Checks that only the owner has permissions on the key files. */
const keys = Effect.fnUntraced(function* (dir: string) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const { os } = yield* Machine
  const folder = join(dir, "keys")
  if (os === "win32" || !(yield* fs.exists(folder))) return []
  const names = yield* fs.readDirectory(folder)
  const open: Array<Finding> = []
  for (const [path, wanted] of [
    [folder, 0o700] as const,
    ...names.map((name) => [join(folder, name), 0o600] as const)
  ]) {
    const { mode } = yield* fs.stat(path)
    if ((mode & 0o077) !== 0) {
      open.push(
        fail(
          `other users have permissions on ${path} (mode ${(mode & 0o777).toString(8)}): chmod ${wanted.toString(8)} '${path}'`
        )
      )
    }
  }
  return open.length > 0 ? open : [ok(`only this user has permissions on the keys in ${folder}`)]
})

export const storage: Check<ConfigSource | Environment | FileSystem.FileSystem | Ids | Machine | Path.Path> =
  {
    name: "storage",
    run: Effect.gen(function* () {
      const { check, dir } = yield* Storage
      const place = yield* nearest(dir)
      const fs = yield* FileSystem.FileSystem
      if ((yield* fs.stat(place)).type !== "Directory") {
        return [
          fail(
            `${place} is not a folder: move it, or set storage.dir (or MANIFOLD_STORAGE_DIR) to another folder`
          )
        ]
      }
      const formats = yield* Effect.match(check, {
        onSuccess: () => [],
        onFailure: ({ message }) => [fail(message)]
      })
      return [...formats, yield* writable(dir, place), yield* space(place), ...(yield* keys(dir))]
    }).pipe(
      Effect.provide(Storage.layer),
      Effect.catchTag("ConfigInvalid", () => Effect.succeed([notCheckable("the state folder")]))
    )
  }
