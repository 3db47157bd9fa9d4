/**
 * Preloaded by `bun test`: programs that tests start keep their state in a temporary folder, not in that of the user, and
 * share one cache of Bun whatever their home folder is. The state is removed after the last file, and with several workers
 * after each file.
 */
import { afterAll } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"

const folder = mkdtempSync(join(tmpdir(), "manifold-state-"))
process.env["XDG_STATE_HOME"] = folder
process.env["BUN_RUNTIME_TRANSPILER_CACHE_PATH"] ??= join(homedir(), ".bun/install/cache/@t@")
afterAll(() => rmSync(folder, { recursive: true, force: true }))
