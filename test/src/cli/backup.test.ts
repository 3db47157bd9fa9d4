/** `manifold backup` and `manifold restore` as processes: during writes, newer and damaged backups, a full disk. */
import { describe, expect } from "bun:test"
import { Effect, Fiber, Schedule, Schema } from "effect"
import { appendFile, chown, readFile, stat, writeFile } from "node:fs/promises"
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync
} from "node:fs"
import { fileLock } from "../../../layers/platform/FileLock.ts"
import { createBackup } from "../../../src/program/backup/createBackup.ts"
import { verifyBackup } from "../../../src/program/backup/restoreBackup.ts"
import { delta, jsonlShared, turn } from "../../support/chatStores.ts"
import { it } from "../../support/effect.ts"
import { program } from "../../support/program.ts"
import { initialize } from "../../support/service.ts"
import { servingProcess } from "../../support/servingProcess.ts"
import { startStdio } from "../../support/stdio.ts"
import { home } from "../../support/userHome.ts"

const state = ".local/state/manifold"

/** A home with a stored token, and a backup of it. */
const backedUp = Effect.gen(function* () {
  const made = yield* home()
  yield* made.run(["token", "create", "ci"])
  expect(yield* made.run(["backup", "saved"])).toMatchObject({ code: 0 })
  return made
})

/** Whether the tests may mount folders: on Linux, as root. */
const canMount = Bun.spawnSync(["sh", "-c", "unshare --mount true"]).exitCode === 0

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
        let during = 0
        const writing = yield* append.pipe(
          Effect.tap(() => Effect.sync(() => (during += existsSync(path("saved.partial")) ? 1 : 0))),
          Effect.andThen(Effect.yieldNow),
          Effect.forever,
          Effect.forkScoped
        )
        expect(yield* run(["backup", "saved"])).toMatchObject({ code: 0 })
        yield* Fiber.interrupt(writing)
        expect(during).toBeGreaterThan(0)
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

  it.live("refuses a target in the state folder, and replaces only what a killed backup left", () =>
    Effect.gen(function* () {
      const { path } = yield* backedUp
      const dir = path(state)
      const refused = yield* Effect.flip(createBackup(dir, `${dir}/deep/saved`))
      expect([refused, existsSync(`${dir}/deep`)]).toMatchObject([{ reason: "inside" }, false])
      mkdirSync(path("again.partial"))
      writeFileSync(path("again.partial/other"), "kept")
      expect(yield* Effect.flip(createBackup(dir, path("again")))).toMatchObject({ reason: "exists" })
      expect(readFileSync(path("again.partial/other"), "utf8")).toBe("kept")
      const lock = fileLock(path("again.partial/.manifold-partial"))
      expect(lock.tryLock()).toBe(true)
      expect(yield* Effect.flip(createBackup(dir, path("again")))).toMatchObject({ reason: "running" })
      // As the kernel does for a process that was killed.
      lock.close()
      yield* createBackup(dir, path("again"))
      expect([existsSync(path("again.partial")), existsSync(path("again/other"))]).toEqual([false, false])
    })
  )

  it.live("leaves nothing if a file cannot be written", () =>
    Effect.gen(function* () {
      const { dir, env, path } = yield* backedUp
      // No file may be larger than 64 KiB, as on a full disk.
      const limited = ["bash", "-c", 'ulimit -f 64; exec "$@"', "bash"]
      const child = Bun.spawn([...limited, ...program, "backup", "full"], {
        cwd: dir,
        env: { ...process.env, ...env },
        stdout: "ignore",
        stderr: "pipe"
      })
      expect(yield* Effect.promise(() => new Response(child.stderr).text())).toContain("Cannot write")
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

  it.live("refuses a newer, a damaged and an escaping backup, and changes nothing", () =>
    Effect.gen(function* () {
      const { path, run } = yield* backedUp
      const manifest = path("saved/manifold-backup.json")
      const text = yield* Effect.promise(() => readFile(manifest, "utf8"))
      const refused = Effect.fnUntraced(function* (reason: string) {
        expect(yield* Effect.flip(verifyBackup(path("saved")))).toMatchObject({ reason })
        yield* Effect.promise(() => writeFile(manifest, text))
      })
      yield* changeManifest(manifest, { migration: 1000 })
      yield* refused("newer")
      yield* changeManifest(manifest, { format: 2 })
      yield* refused("newer")
      for (const escaping of ["../x", "/etc/x", "a/../../x", "a//x", "..\\x", "a/..", "."]) {
        yield* changeManifest(manifest, { files: [{ path: escaping, size: 0, sha256: "0".repeat(64) }] })
        yield* refused("damaged")
      }
      yield* changeManifest(manifest, { files: [{ path: "absent", size: 0, sha256: "0".repeat(64) }] })
      yield* refused("unreadable")
      yield* Effect.promise(() => appendFile(path("saved/keys/token-pepper"), "x"))
      yield* refused("damaged")
      yield* Effect.promise(() => appendFile(path("saved/keys/token-pepper"), "x"))
      const { code, stderr } = yield* run(["restore", "saved", "--to", "restored", "--yes"])
      expect([code, stderr]).toEqual([1, expect.stringContaining("differs from the manifest")])
      expect([existsSync(path("restored")), existsSync(path("restored.partial"))]).toEqual([false, false])
    })
  )

  it.live("refuses the state of a running service", () =>
    Effect.gen(function* () {
      const { path, run } = yield* backedUp
      yield* servingProcess({ config: { storage: { dir: path(state) } } })
      const { code, stderr } = yield* run(["restore", "saved", "--yes"])
      expect([code, stderr]).toEqual([1, expect.stringContaining("A running process uses")])
    })
  )

  it.live("refuses the state of an idle stdio server, until it was killed", () =>
    Effect.gen(function* () {
      const { env, path, run } = yield* backedUp
      const { child, next, send } = yield* startStdio(env)
      yield* send(initialize())
      yield* next
      const marks = () => readdirSync(path(state)).filter((name) => name.startsWith(".in-use-"))
      // The folder is marked after the response.
      yield* Effect.repeat(Effect.sync(marks), {
        until: ({ length }) => length === 1,
        schedule: Schedule.spaced("20 millis")
      })
      const { code, stderr } = yield* run(["restore", "saved", "--yes"])
      expect([code, stderr]).toEqual([1, expect.stringContaining("A running process uses")])
      child.kill("SIGKILL")
      yield* Effect.promise(() => child.exited)
      expect(marks()).toHaveLength(1)
      expect((yield* run(["restore", "saved", "--yes"])).code).toBe(0)
      expect(marks()).toEqual([])
    })
  )
})

describe.skipIf(!canMount)("manifold restore to a mount point", () => {
  it.live("replaces the contents of a mount point, and keeps its owner", () =>
    Effect.gen(function* () {
      const { dir, env, path, run } = yield* backedUp
      yield* run(["token", "create", "later"])
      const mount = path("volume")
      renameSync(path(state), mount)
      yield* Effect.promise(() => chown(mount, 1234, 1234))
      const script = 'mount --bind "$0" "$0" && exec "$@"'
      const mounted = ["unshare", "--mount", "bash", "-c", script, mount]
      const { exitCode, stdout } = Bun.spawnSync(
        [...mounted, ...program, "restore", "saved", "--to", mount, "--yes", "--json"],
        { cwd: dir, env: { ...process.env, ...env } }
      )
      expect(exitCode).toBe(0)
      const [aside = "", ...others] = readdirSync(mount).filter((name) => name.startsWith("."))
      expect(others).toEqual([])
      expect(stdout.toString()).toContain(`"moved":"${mount}/${aside}"`)
      const owner = statSync(`${mount}/keys/token-pepper`)
      expect([owner.uid, owner.gid]).toEqual([1234, 1234])
      const list = yield* run(["token", "list"], { MANIFOLD_STORAGE_DIR: mount })
      expect([list.stdout.includes("ci"), list.stdout.includes("later")]).toEqual([true, false])
      const old = yield* run(["token", "list"], { MANIFOLD_STORAGE_DIR: `${mount}/${aside}` })
      expect(old.stdout).toContain("later")
      expect(yield* run(["backup", "again"], { MANIFOLD_STORAGE_DIR: mount })).toMatchObject({ code: 0 })
      expect(readdirSync(path("again")).filter((name) => name.startsWith("."))).toEqual([])
    })
  )
})
