/** `manifold restore` by a user who owns the state folder, but may not write its parent, as under systemd's `StateDirectory`. */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { filesIn } from "../../../layers/platform/stateFiles.ts"
import { it } from "../../support/effect.ts"
import { program } from "../../support/program.ts"
import { manifold } from "../../support/stdio.ts"
import { home } from "../../support/userHome.ts"

/** The user `nobody`. */
const user = 65_534
const asUser = ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"]

/** Whether the tests may become that user, who may read the program. */
const isPossible =
  process.getuid?.() === 0 &&
  Bun.which("setpriv") !== null &&
  Bun.spawnSync([...asUser, ...program, "--version"]).exitCode === 0

const itAsUser: typeof it.live = isPossible
  ? it.live
  : (name) => test.skip(`${name} (skipped: needs root, and a program that others may read)`, () => {})

itAsUser("replaces the contents of the folder, and keeps the old ones in it", () =>
  Effect.gen(function* () {
    const { dir, env, path } = yield* home()
    chmodSync(dir, 0o755)
    mkdirSync(path("lib"), { mode: 0o755 })
    for (const name of ["lib/manifold", "backups"]) {
      mkdirSync(path(name), { mode: 0o700 })
      chownSync(path(name), user, user)
    }
    const variables = {
      ...env,
      MANIFOLD_STORAGE_DIR: path("lib/manifold"),
      // It cannot write the cache of the user who runs the tests.
      BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0"
    }
    const run = (...args: ReadonlyArray<string>) =>
      manifold(args, { cwd: dir, env: variables, within: asUser })
    // A command of root was killed.
    const left = path("lib/manifold/.in-use-root")
    writeFileSync(left, "", { mode: 0o600 })
    expect((yield* run("token", "create", "ci")).code).toBe(0)
    expect((yield* run("backup", path("backups/saved"))).code).toBe(0)
    expect((yield* run("token", "create", "later")).code).toBe(0)
    const unsure = yield* run("restore", path("backups/saved"), "--yes")
    expect([unsure.code, unsure.stderr]).toEqual([1, expect.stringContaining("permission denied")])
    rmSync(left)
    const restored = yield* run("restore", path("backups/saved"), "--yes")
    expect(restored).toMatchObject({ code: 0, stderr: "" })

    const { stdout } = yield* run("token", "list")
    expect([stdout.includes("ci"), stdout.includes("later")]).toEqual([true, false])
    expect(readdirSync(path("lib"))).toEqual(["manifold"])
    const [aside = "", ...others] = readdirSync(path("lib/manifold")).filter((name) => name.startsWith("."))
    expect([aside, others]).toEqual([expect.stringMatching(/^\.before-restore-\d+$/), []])
    expect(restored.stdout).toContain(path(`lib/manifold/${aside}`))
    const old = yield* manifold(["token", "list"], {
      cwd: dir,
      env: { ...variables, MANIFOLD_STORAGE_DIR: path(`lib/manifold/${aside}`) },
      within: asUser
    })
    expect(old.stdout).toContain("later")
    for (const file of filesIn(path("lib/manifold"))) {
      expect([file, statSync(path(`lib/manifold/${file}`)).uid]).toEqual([file, user])
    }
  })
)
