import { describe, expect } from "bun:test"
import { mkdtemp, rm, symlink } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import { Effect, FileSystem } from "effect"
import * as Files from "../../../layers/platform/fileSystem.ts"
import { it } from "../../support/effect.ts"

const stat = (path: string) => FileSystem.FileSystem.use((fs) => fs.stat(path))

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-files-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

/** A file, a folder, a link to each, and a socket. */
const entries = Effect.gen(function* () {
  const root = yield* folder
  const at = (name: string) => join(root, name)
  yield* Effect.promise(() => Bun.write(at("file"), "four"))
  yield* Effect.promise(() => symlink(at("file"), at("link")))
  yield* Effect.promise(() => symlink(root, at("folderLink")))
  const server = yield* Effect.acquireRelease(
    Effect.sync(() => createServer()),
    (open) => Effect.promise(() => new Promise((done) => open.close(done)))
  )
  yield* Effect.promise(() => new Promise<void>((done) => server.listen(at("socket"), done)))
  return [root, at("file"), at("link"), at("folderLink"), at("socket"), "/dev/null"]
})

describe("stat", () => {
  it.live("agrees with that of Node", () =>
    Effect.gen(function* () {
      for (const path of yield* entries) {
        const ours = yield* Effect.provide(stat(path), Files.layer)
        const node = yield* Effect.provide(stat(path), NodeFileSystem.layer)
        expect(ours).toEqual(node)
      }
    })
  )

  it.live("fails with the reason", () =>
    Effect.gen(function* () {
      const root = yield* folder
      yield* Effect.promise(() => Bun.write(join(root, "file"), ""))
      for (const path of [join(root, "none"), join(root, "file", "below")]) {
        const ours = yield* Effect.flip(Effect.provide(stat(path), Files.layer))
        const node = yield* Effect.flip(Effect.provide(stat(path), NodeFileSystem.layer))
        expect(ours.reason._tag).toBe(node.reason._tag)
      }
    })
  )
})
