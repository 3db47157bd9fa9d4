/** Encrypted files: what is on disk, damage, exchange of two files, and the lock between processes. */
import { describe, expect } from "bun:test"
import { copyFile, readFile, stat, writeFile } from "node:fs/promises"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import * as sealedFiles from "../../../layers/storage/sealedFiles.ts"
import { Storage } from "../../../layers/storage/Storage.ts"
import { Identity } from "../../../src/domain/Identity.ts"
import { it } from "../../support/effect.ts"
import { stateFolder } from "../../support/service.ts"

const files = Effect.gen(function* () {
  const dir = yield* stateFolder
  return yield* sealedFiles
    .make("sealed", "sealed")
    .pipe(
      Effect.provide(
        Storage.layer.pipe(
          Layer.provideMerge(ConfigSource.layerFrom({ storage: { dir } })),
          Layer.provideMerge(Layer.succeed(Identity, { name: "test", version: "1" })),
          Layer.provideMerge(Layer.mergeAll(Platform.layer, Ids.layer, Environment.layerTest({})))
        )
      )
    )
})

describe("sealed files", () => {
  it.live("the text is not on disk in the clear, and only its owner may read the file", () =>
    Effect.gen(function* () {
      const { fileOf, names, read, write } = yield* files
      expect(yield* read("one")).toBeUndefined()
      expect(yield* names).toEqual([])
      yield* write("one", "a secret text")
      expect(yield* read("one")).toBe("a secret text")
      expect(yield* names).toEqual(["one"])
      const bytes = yield* Effect.promise(() => readFile(fileOf("one"), "latin1"))
      expect(bytes).not.toContain("secret")
      const { mode } = yield* Effect.promise(() => stat(fileOf("one")))
      expect(mode & 0o777).toBe(0o600)
    })
  )

  it.live("a truncated file, and the file of another name, are damaged", () =>
    Effect.gen(function* () {
      const { fileOf, read, write } = yield* files
      yield* write("one", "first")
      yield* Effect.promise(() => copyFile(fileOf("one"), fileOf("two")))
      expect(yield* Effect.flip(read("two"))).toMatchObject({ _tag: "SealedFileError", reason: "damaged" })
      yield* Effect.promise(async () =>
        writeFile(fileOf("one"), (await readFile(fileOf("one"))).subarray(0, 20))
      )
      expect(yield* Effect.flip(read("one"))).toMatchObject({ reason: "damaged" })
    })
  )

  it.live("a second process waits for the lock of the first", () =>
    Effect.gen(function* () {
      const { locked } = yield* files
      const order: Array<string> = []
      const [entered, leave] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const first = yield* Effect.forkChild(
        locked(
          "one",
          Deferred.succeed(entered, undefined).pipe(
            Effect.andThen(Deferred.await(leave)),
            Effect.andThen(Effect.sync(() => order.push("first")))
          )
        )
      )
      yield* Deferred.await(entered)
      const second = yield* Effect.forkChild(
        locked(
          "one",
          Effect.sync(() => order.push("second"))
        )
      )
      yield* Effect.yieldNow
      yield* Deferred.succeed(leave, undefined)
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      expect(order).toEqual(["first", "second"])
    })
  )
})
