/** Preloaded by `bun test`: programs that tests start keep their state in a temporary folder, not in that of the user. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const folder = mkdtempSync(join(tmpdir(), "manifold-state-"))
process.env["XDG_STATE_HOME"] = folder
process.on("exit", () => rmSync(folder, { recursive: true, force: true }))
