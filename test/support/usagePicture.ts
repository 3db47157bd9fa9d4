/** Draws `docs/usage.svg`: what `manifold usage` prints of an example day. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { terminalSvg } from "./terminalSvg.ts"
import { exampleDay } from "./usageExample.ts"

const root = new URL("../../", import.meta.url).pathname
const dir = await mkdtemp(join(tmpdir(), "manifold-picture-"))
await Effect.runPromise(
  Effect.scoped(exampleDay({ dir }, Date.now())).pipe(Effect.provide(TestClock.layer()))
)
const child = Bun.spawn([process.execPath, `${root}src/main.ts`, "usage"], {
  cwd: dir,
  env: {
    ...process.env,
    HOME: dir,
    MANIFOLD_STORAGE_DIR: dir,
    MCP_COST_DAILY_MAX: "5",
    MCP_COST_HOURLY_MAX: "0.5",
    MCP_COST_PER_REQUEST_MAX: "1"
  },
  stdin: "ignore",
  stdout: "pipe",
  stderr: "inherit"
})
const lines = (await child.stdout.text()).trimEnd().split("\n")
await rm(dir, { recursive: true, force: true })
await Bun.write(
  `${root}docs/usage.svg`,
  terminalSvg([{ command: "manifold usage", lines }], "manifold usage in a terminal")
)
