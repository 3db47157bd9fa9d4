/** The disk quota of the output folder: per principal, in total, across restarts, and after files were removed. */
import { expect } from "bun:test"
import { Effect, FileSystem, Layer } from "effect"
import { TestClock } from "effect/testing"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Output } from "../../../layers/output/Output.ts"
import { ownerFolder } from "../../../layers/output/ownerFolder.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { Quotas } from "../../../layers/quotas/Quotas.ts"
import { Storage } from "../../../layers/storage/Storage.ts"
import { Principal } from "../../../src/domain/Principal.ts"
import { it } from "../../support/effect.ts"
import { stateFolder } from "../../support/service.ts"

/** The service over the folder, as after a start of the program. */
const output = (dir: string) =>
  Layer.fresh(Output.layer).pipe(
    Layer.provideMerge(Layer.fresh(Quotas.layerOf({ output: { principal: 100, total: 150 } }))),
    Layer.provide(Layer.fresh(Storage.layer)),
    Layer.provide(ConfigSource.layerFrom({ storage: { dir } })),
    Layer.provide([Environment.layerTest({}), Ids.layer]),
    Layer.provideMerge(Platform.layer)
  )

const person = (name: string) =>
  new Principal({ subject: name, clientId: name, scopes: [], ceiling: [], source: "api-token" })

/** Saves a file; returns its name, or the reason of the error. */
const save = (owner: string, size: number) =>
  Effect.flatMap(Output, (service) =>
    service.save(person(owner), "Client", owner, new Uint8Array(size))
  ).pipe(Effect.match({ onSuccess: ({ file }) => file, onFailure: ({ reason }) => reason }))

const within = <A, E>(body: (dir: string) => Effect.Effect<A, E, Output | Quotas | FileSystem.FileSystem>) =>
  Effect.flatMap(stateFolder, (dir) => Effect.provide(body(dir), output(dir)))

it.effect("files are limited per principal and in total", () =>
  within(() =>
    Effect.gen(function* () {
      expect(yield* save("alice", 60)).toBe("content.pptx")
      expect(yield* save("alice", 60)).toBe("quota")
      expect(yield* save("alice", 40)).toBe("content-2.pptx")
      expect(yield* save("bob", 60)).toBe("quota")
      expect(yield* save("bob", 50)).toBe("content.pptx")
      expect((yield* Quotas).output.used).toBe(150)
    })
  )
)

it.effect("the owners of files are known after a restart", () =>
  Effect.gen(function* () {
    const dir = yield* stateFolder
    yield* Effect.provide(save("alice", 90), output(dir))
    yield* Effect.gen(function* () {
      expect(yield* save("alice", 20)).toBe("quota")
      expect(yield* save("bob", 60)).toBe("content.pptx")
    }).pipe(Effect.provide(output(dir)))
  })
)

it.effect("existing files of unknown owners count towards the total", () =>
  within((dir) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory(`${dir}/output/Old/Project`, { recursive: true })
      yield* fs.writeFile(`${dir}/output/Old/Project/content.pptx`, new Uint8Array(120))
      expect(yield* save("alice", 40)).toBe("quota")
      expect(yield* save("alice", 30)).toBe("content.pptx")
    })
  )
)

it.effect("removed files free the quota within ten seconds", () =>
  within((dir) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* save("alice", 100)
      const folder = ownerFolder(person("alice")).join("/")
      yield* fs.remove(`${dir}/output/${folder}/Client/alice/content.pptx`)
      expect(yield* save("alice", 50)).toBe("quota")
      yield* TestClock.adjust("10 seconds")
      expect(yield* save("alice", 50)).toBe("content.pptx")
      expect((yield* Quotas).output.usedBy(person("alice").key)).toBe(50)
    })
  )
)

it.effect("concurrent calls cannot exceed the quota", () =>
  within(() =>
    Effect.gen(function* () {
      const saved = yield* Effect.all(
        Array.from({ length: 10 }, () => save("alice", 30)),
        { concurrency: "unbounded" }
      )
      expect(saved.filter((each) => each !== "quota")).toHaveLength(3)
    })
  )
)

it.effect("a failed write releases its bytes", () =>
  within((dir) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(`${dir}/output`, "no folder")
      expect(yield* save("alice", 100)).toBe("unwritable")
      expect((yield* Quotas).output.used).toBe(0)
    })
  )
)

it.effect("the owners file is compacted when most of its files are gone, and damaged lines are ignored", () =>
  within((dir) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory(`${dir}/output`, { recursive: true })
      const gone = Array.from({ length: 2000 }, (_, at) => JSON.stringify({ file: `a/b/${at}`, owner: "x" }))
      yield* fs.writeFileString(`${dir}/output/.owners.jsonl`, `${gone.join("\n")}\n{"damaged\n`)
      expect(yield* save("alice", 10)).toBe("content.pptx")
      const lines = (yield* fs.readFileString(`${dir}/output/.owners.jsonl`)).trim().split("\n")
      expect(lines).toHaveLength(1)
    })
  )
)
