/** The state folder: its location, created only when needed, and its keys, created exactly once. */
import { expect } from "bun:test"
import { Effect, FileSystem, Layer, Path, PlatformError, Redacted, Schedule } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { section } from "../../../layers/storage/section.ts"
import { Storage } from "../../../layers/storage/Storage.ts"
import { Identity } from "../../../src/domain/Identity.ts"
import { it } from "../../support/effect.ts"
import { atOnce } from "../../support/parallelProcesses.ts"

const storage = (
  dir: string | undefined,
  variables: Record<string, string> = {},
  platform: Layer.Layer<FileSystem.FileSystem | Path.Path> = Platform.layer
) =>
  Layer.fresh(Storage.layer).pipe(
    Layer.provide(ConfigSource.layerFrom(dir === undefined ? {} : { storage: { dir } }, variables)),
    Layer.provide([Environment.layerTest(variables), Ids.layer]),
    Layer.provideMerge(platform)
  )

const key = (name: string, bytes: number) =>
  Effect.flatMap(Storage, (service) => Effect.map(service.key(name, bytes), Redacted.value))

const temporary = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped()).pipe(
  Effect.provide(Platform.layer)
)

const inTemporary = <A, E>(
  body: (dir: string) => Effect.Effect<A, E, Storage | FileSystem.FileSystem | Path.Path>
) =>
  Effect.gen(function* () {
    const dir = `${yield* temporary}/state`
    return yield* Effect.provide(body(dir), storage(dir))
  })

it.live("the state folder is the platform's or the configured one, or an error with the setting", () =>
  Effect.gen(function* () {
    const dir = (given: string | undefined, variables: Record<string, string>) =>
      Effect.provide(
        Effect.map(Storage, (service) => service.dir),
        storage(given, variables)
      )
    expect(yield* dir(undefined, { XDG_STATE_HOME: "/x/state" })).toBe("/x/state/manifold")
    expect(yield* dir("/from/file", {})).toBe("/from/file")
    expect(yield* dir("/from/file", { MANIFOLD_STORAGE_DIR: "/from/variable" })).toBe("/from/variable")
    expect(yield* dir("~/state", { HOME: "/home/ada" })).toBe("/home/ada/state")
    const error = yield* Effect.flip(dir(undefined, {}))
    expect(error).toMatchObject({ _tag: "StorageError", reason: "homeless" })
    expect(error.message).toContain("storage.dir (or MANIFOLD_STORAGE_DIR)")
  })
)

for (const [name, folder] of [
  ["greeter", "greeter"],
  ["@acme/greeter", "acme-greeter"],
  ["../../etc", "etc"],
  ["..", "manifold"],
  ["Grüße 2.0", "Grüße-2.0"],
  ["x".repeat(300), "x".repeat(64)]
] as const) {
  it.live(`the state folder of the server ${name.slice(0, 20)} has its name`, () =>
    Effect.gen(function* () {
      const { dir } = yield* Effect.provide(Storage, storage(undefined, { XDG_STATE_HOME: "/x/state" }))
      expect(dir).toBe(`/x/state/${folder}`)
    }).pipe(Effect.provideService(Identity, { name, version: "1" }))
  )
}

it.live("the Redis URL is read from the configuration and never shown", () =>
  Effect.gen(function* () {
    const read = (variables: Record<string, string>) =>
      Effect.flatMap(ConfigSource, (config) => config.read(section)).pipe(
        Effect.provide(ConfigSource.layerFrom({}, variables)),
        Effect.provide([Environment.layerTest(variables), Platform.layer])
      )
    expect(yield* read({})).not.toHaveProperty("redis_url")
    const { redis_url } = yield* read({ REDIS_URL: "redis://:hunter2@cache:6379/1" })
    expect(redis_url && Redacted.value(redis_url)).toBe("redis://:hunter2@cache:6379/1")
    const error = yield* Effect.flip(read({ REDIS_URL: "http://:hunter2@cache" }))
    expect(error.problems).toEqual([
      {
        path: "storage.redis_url",
        message: "expected a URL such as redis://:password@host:6379/0",
        source: "REDIS_URL"
      }
    ])
  })
)

it.live("nothing is written before the first key, which only its owner can read", () =>
  inTemporary((dir) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const service = yield* Storage
      expect(service.path("chat", "a.jsonl")).toBe(`${dir}/chat/a.jsonl`)
      expect(yield* fs.exists(dir)).toBe(false)
      yield* key("state", 32)
      const mode = (path: string) => Effect.map(fs.stat(path), (info) => (info.mode & 0o777).toString(8))
      expect(yield* mode(`${dir}/keys`)).toBe("700")
      expect(yield* mode(`${dir}/keys/state`)).toBe("600")
      expect(yield* fs.readDirectory(`${dir}/keys`)).toEqual(["state"])
    })
  )
)

it.live("a key is stable, differs by name, and is not shown", () =>
  inTemporary(() =>
    Effect.gen(function* () {
      const first = yield* key("one", 32)
      expect(first).toHaveLength(32)
      expect(yield* key("one", 32)).toEqual(first)
      expect(yield* key("two", 32)).not.toEqual(first)
      expect(yield* key("three", 16)).toHaveLength(16)
      const shown = Bun.inspect(yield* (yield* Storage).key("one", 32))
      expect(shown).not.toContain(first.slice(0, 4).join(", "))
    })
  )
)

it.live("concurrent fibers get the same key", () =>
  inTemporary(() =>
    Effect.gen(function* () {
      const keys = yield* Effect.all(
        Array.from({ length: 50 }, () => key("one", 32)),
        { concurrency: "unbounded" }
      )
      expect(new Set(keys.map(String)).size).toBe(1)
    })
  )
)

it.live(
  "concurrent processes get the same key and leave no other file",
  () =>
    inTemporary((dir) =>
      Effect.gen(function* () {
        const keys = yield* atOnce(6, `${import.meta.dir}/keyProcess.ts`, { MANIFOLD_STORAGE_DIR: dir })
        expect(keys[0]).toMatch(/^[0-9a-f]{64}\n$/)
        expect(new Set(keys).size).toBe(1)
        const fs = yield* FileSystem.FileSystem
        expect(yield* fs.readDirectory(`${dir}/keys`)).toEqual(["race"])
      }).pipe(Effect.scoped)
    ),
  30_000
)

it.live("a folder that cannot be written is an error with its path and the setting", () =>
  Effect.gen(function* () {
    const dir = `${yield* temporary}/state`
    const denied = (path: string) =>
      Effect.fail(
        PlatformError.systemError({
          _tag: "PermissionDenied",
          module: "FileSystem",
          method: "makeDirectory",
          pathOrDescriptor: path
        })
      )
    const readOnly = Layer.effect(
      FileSystem.FileSystem,
      Effect.map(FileSystem.FileSystem, (fs) => ({ ...fs, makeDirectory: denied }))
    ).pipe(Layer.provideMerge(Platform.layer))
    const error = yield* Effect.flip(Effect.provide(key("one", 32), storage(dir, {}, readOnly)))
    expect(error).toMatchObject({ _tag: "StorageError", reason: "unwritable", path: dir })
    expect(error.message).toBe(
      `Cannot write ${dir}: permission denied. Set storage.dir (or MANIFOLD_STORAGE_DIR) to a writable folder.`
    )
  })
)

it.live("a folder that cannot be read is an error with its path and the setting", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const file = `${yield* fs.makeTempDirectoryScoped()}/file`
    yield* fs.writeFileString(file, "")
    const error = yield* Effect.flip(Effect.provide(key("one", 32), storage(`${file}/state`)))
    expect(error).toMatchObject({ _tag: "StorageError" })
    expect(error.message).toContain(`${file}/state/keys`)
    expect(error.message).toContain("set storage.dir (or MANIFOLD_STORAGE_DIR) to")
  }).pipe(Effect.provide(Platform.layer))
)

it.live("a truncated key is an error and not replaced", () =>
  inTemporary((dir) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* key("one", 32)
      yield* fs.writeFileString(`${dir}/keys/one`, "short")
      const error = yield* Effect.flip(key("one", 32))
      expect(error).toMatchObject({ reason: "damaged", path: `${dir}/keys/one` })
      expect(yield* fs.readFileString(`${dir}/keys/one`)).toBe("short")
    })
  )
)

it.live("the state folder is writable if it can be created, and not below a file", () =>
  inTemporary((dir) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { writable } = yield* Storage
      yield* writable
      expect(yield* fs.exists(dir)).toBe(false)
      yield* Effect.provide(
        Effect.flatMap(Storage, (deep) => deep.writable),
        storage(`${dir}/some/where/deep`)
      )
      yield* fs.writeFileString(dir, "a file")
      const error = yield* Effect.flip(
        Effect.provide(
          Effect.flatMap(Storage, (below) => below.writable),
          storage(`${dir}/below`)
        )
      )
      expect(error).toMatchObject({ reason: "unwritable", path: `${dir}/below` })
      expect(error.message).toContain("storage.dir (or MANIFOLD_STORAGE_DIR)")
    })
  )
)

it.live(
  "a folder that could not be prepared is prepared once that is possible, although nothing asks again",
  () =>
    inTemporary((dir) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* fs.writeFileString(dir, "a file")
        yield* Effect.gen(function* () {
          const { prepare } = yield* Storage
          expect(yield* Effect.flip(prepare)).toMatchObject({ _tag: "StorageError" })
          yield* fs.remove(dir)
          yield* Effect.repeat(fs.exists(`${dir}/below/formats.json`), {
            until: (exists) => exists,
            schedule: Schedule.spaced("10 millis")
          })
        }).pipe(Effect.provide(storage(`${dir}/below`)))
      })
    )
)
