/** Makes the fixture of this version: `bun run fixture`. */
import { Effect } from "effect"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { filesIn } from "../../../layers/platform/stateFiles.ts"
import { program } from "../../../src/domain/version.ts"
import { type Contents, countRows, fixtureOf } from "./contents.ts"
import { fillState } from "./fillState.ts"

const home = mkdtempSync(join(tmpdir(), "manifold-fixture-"))
try {
  const found = await Effect.runPromise(Effect.scoped(fillState(home)))
  const dir = `${home}/state`
  const contents: Contents = {
    version: program.version,
    written_at: Date.now(),
    ...found,
    files: filesIn(dir),
    tables: countRows(`${dir}/manifold.db`)
  }
  const base = fixtureOf(program.version)
  await Bun.write(`${base}.json`, `${JSON.stringify(contents, undefined, 2)}\n`)
  Bun.spawnSync(["tar", "--owner=0", "--group=0", "--sort=name", "-czf", `${base}.tar.gz`, "-C", dir, "."])
  console.log(`${base}.tar.gz: ${readFileSync(`${base}.tar.gz`).length} bytes`)
} finally {
  rmSync(home, { recursive: true, force: true })
}
