/** `manifold backup` and `manifold restore` as processes: during writes, newer and damaged backups, a full disk. */
import { describe, expect } from "bun:test"
import { Effect, Fiber, Schema } from "effect"
import { appendFile, readFile, stat, writeFile } from "node:fs/promises"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { delta, jsonlShared, turn } from "../../support/chatStores.ts"
import { it } from "../../support/effect.ts"
import { servingProcess } from "../../support/servingProcess.ts"
import { home } from "../../support/userHome.ts"

const state = ".local/state/manifold"

/** A home with a stored token, and a backup of it. */
const backedUp = Effect.gen(function* () {
  const made = yield* home()
  yield* made.run(["token", "create", "ci"])
  expect(yield* made.run(["backup", "saved"])).toMatchObject({ code: 0 })
  return made
})

const Manifest = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json))

const changeManifest = Effect.fnUntraced(function* (path: string, changes: Record<string, Schema.Json>) {
  const found = yield* Schema.decodeEffect(Manifest)(readFileSync(path, "utf8"))
  yield* Effect.promise(() => writeFile(path, JSON.stringify({ ...found, ...changes })))
})

describe("manifold backup", () => {
  it.live(
    "copies whole events while they are written, and restores them",
    () =>
      Effect.gen(function* () {
        const { path, run } = yield* home()
        const { store } = yield* Effect.acquireRelease(
          jsonlShared(path(state), { segment_bytes: 2 ** 14 }).start,
          ({ end }) => end
        )
        const begun = yield* store.begin(turn("alice", "one"))
        if (begun._tag !== "started") throw new Error("the turn did not start")
        const conversation = begun.events[0]?.conversation ?? ""
        const append = store.append(conversation, [delta("one", "word "), delta("one", "more ")])
        yield* Effect.repeat(append, { times: 400 })
        const before = yield* store.find(conversation)
        const writing = yield* Effect.forkScoped(Effect.forever(Effect.andThen(append, Effect.sleep(1))))
        expect(yield* run(["backup", "saved"])).toMatchObject({ code: 0 })
        yield* Fiber.interrupt(writing)
        expect(yield* run(["restore", "saved", "--to", "restored"])).toMatchObject({ code: 0 })
        const lines = readdirSync(path("restored"))
          .filter((name) => name.endsWith(".jsonl"))
          .map((name) => readFileSync(path(`restored/${name}`), "utf8"))
        expect(lines.length).toBeGreaterThan(1)
        expect(lines.every((text) => text.endsWith("\n"))).toBe(true)
        const restored = yield* Effect.acquireRelease(jsonlShared(path("restored")).start, ({ end }) => end)
        const found = yield* restored.store.find(conversation)
        const after = yield* store.find(conversation)
        expect(found?.lastSeq ?? 0).toBeGreaterThanOrEqual(before?.lastSeq ?? Number.NaN)
        expect(found?.lastSeq ?? Number.NaN).toBeLessThanOrEqual(after?.lastSeq ?? 0)
        expect(existsSync(path("restored/events.quarantine"))).toBe(false)
      }),
    30_000
  )

  it.live("is readable by this user only, and keeps what exists", () =>
    Effect.gen(function* () {
      const { path, run } = yield* backedUp
      for (const name of ["manifold.db", "keys/token-pepper", "manifold-backup.json"]) {
        expect((yield* Effect.promise(() => stat(path(`saved/${name}`)))).mode & 0o777).toBe(0o600)
      }
      const again = yield* run(["backup", "saved"])
      expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("saved exists")])
    })
  )

  it.live("leaves nothing if a file cannot be written", () =>
    Effect.gen(function* () {
      const { dir, env, path } = yield* backedUp
      const main = new URL("../../../src/main.ts", import.meta.url).pathname
      // No file may be larger than 64 KiB, as on a full disk.
      const script = `ulimit -f 64; exec "${process.execPath}" "${main}" backup full`
      const child = Bun.spawn(["bash", "-c", script], {
        cwd: dir,
        env: { ...process.env, ...env },
        stdout: "ignore",
        stderr: "pipe"
      })
      expect(yield* Effect.promise(() => new Response(child.stderr).text())).toContain("Cannot copy")
      expect(yield* Effect.promise(() => child.exited)).toBe(1)
      expect([existsSync(path("full")), existsSync(path("full.partial"))]).toEqual([false, false])
    })
  )
})

describe("manifold restore", () => {
  it.live("moves the old state aside after --yes", () =>
    Effect.gen(function* () {
      const { path, run } = yield* backedUp
      yield* run(["token", "create", "later"])
      expect((yield* run(["restore", "saved"])).code).toBe(2)
      expect((yield* run(["token", "list"])).stdout).toContain("later")
      expect((yield* run(["restore", "saved", "--yes"])).code).toBe(0)
      const { stdout } = yield* run(["token", "list"])
      expect([stdout.includes("ci"), stdout.includes("later")]).toEqual([true, false])
      const aside = readdirSync(path(".local/state")).filter((name) => name.includes("before-restore"))
      expect(aside).toHaveLength(1)
    })
  )

  it.live(
    "refuses a newer, a damaged and an escaping backup, and changes nothing",
    () =>
      Effect.gen(function* () {
        const { path, run } = yield* backedUp
        const manifest = path("saved/manifold-backup.json")
        const text = yield* Effect.promise(() => readFile(manifest, "utf8"))
        const refused = Effect.fnUntraced(function* (message: string) {
          const { code, stderr } = yield* run(["restore", "saved", "--to", "restored", "--yes"])
          expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
          expect([existsSync(path("restored")), existsSync(path("restored.partial"))]).toEqual([false, false])
          yield* Effect.promise(() => writeFile(manifest, text))
        })
        yield* changeManifest(manifest, { migration: 1000 })
        yield* refused("written by a newer version")
        yield* changeManifest(manifest, { format: 2 })
        yield* refused("written by a newer version")
        for (const escaping of ["../x", "/etc/x", "a/../../x", "a//x", "..\\x", "a/..", "."]) {
          yield* changeManifest(manifest, { files: [{ path: escaping, size: 0, sha256: "0".repeat(64) }] })
          yield* refused("manifest")
        }
        yield* Effect.promise(() => appendFile(path("saved/keys/token-pepper"), "x"))
        yield* refused("differs from the manifest")
      }),
    30_000
  )

  it.live("refuses the state of a running service", () =>
    Effect.gen(function* () {
      const { path, run } = yield* backedUp
      yield* servingProcess({ config: { storage: { dir: path(state) } } })
      const { code, stderr } = yield* run(["restore", "saved", "--yes"])
      expect([code, stderr]).toEqual([1, expect.stringContaining("A running process uses")])
    })
  )
})
