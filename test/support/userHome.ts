/** A temporary home folder, and the program run with it. */
import { Effect } from "effect"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { manifold } from "./stdio.ts"

/** Writes files by their path inside the home. */
export const home = (files: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const dir = await mkdtemp(join(tmpdir(), "manifold-home-"))
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(join(dir, path)), { recursive: true })
        await writeFile(join(dir, path), content)
      }
      const env = {
        HOME: dir,
        XDG_CONFIG_HOME: "",
        XDG_STATE_HOME: "",
        CLAUDE_CONFIG_DIR: "",
        MANIFOLD_STORAGE_DIR: ""
      }
      return {
        dir,
        env,
        path: (path: string) => join(dir, path),
        read: (path: string) => Effect.promise(() => readFile(join(dir, path), "utf8")),
        run: (args: ReadonlyArray<string>, variables: Record<string, string> = {}, fromSource = false) =>
          manifold(args, { cwd: dir, env: { ...env, ...variables }, fromSource })
      }
    }),
    ({ dir }) => Effect.promise(() => rm(dir, { recursive: true, force: true }))
  )
