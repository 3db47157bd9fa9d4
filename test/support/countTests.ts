/** Runs `bun test` once and counts its results from the final summary; a missing summary is a failure. */
import { copyFile, link, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { runnerOf } from "../../layers/clients/entryProblems.ts"

export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** The counts, followed by `Ran 12 tests across 3 files. [1.20s]` as the last line. */
const ending = /(?:^|\n)(?<counts>(?: *\d+ [^\n]+\n)+)Ran \d+ tests? across \d+ files?\. \[[^\]\n]*\]\s*$/

/**
 * Result of a run of `bun test` from its standard error and exit code. A run without a summary (a test called
 * `process.exit`, Bun crashed, there was no test) and an exit code that the summary does not explain each count as one
 * failure.
 */
export const tallyOf = (output: string, exitCode: number): Tally => {
  const counts = ending.exec(Bun.stripANSI(output))?.groups?.["counts"]
  if (counts === undefined) return { passed: 0, failed: 1, skipped: 0 }
  const count = (what: string) => Number(new RegExp(`^ *(\\d+) ${what}$`, "m").exec(counts)?.[1] ?? 0)
  const failed = count("fail")
  return {
    passed: count("pass"),
    failed: exitCode !== 0 && failed === 0 ? 1 : failed,
    skipped: count("skip") + count("todo")
  }
}

/** `3 passed, 0 failed`, and `, 1 skipped` if there are any. */
export const line = ({ failed, passed, skipped }: Tally): string =>
  `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`

/** Bun outside the cache of a package runner such as npx: `manifold install` rejects a program there. */
const installedBun = async () => {
  const bun = process.execPath
  if (runnerOf(bun) === undefined) return { bun, [Symbol.asyncDispose]: async () => {} }
  const folder = await mkdtemp(join(tmpdir(), "manifold-bun-"))
  const copy = join(folder, basename(bun))
  await link(bun, copy).catch(() => copyFile(bun, copy))
  return { bun: copy, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}

/** Runs `bun test` in `cwd`, forwarding its output unless `quiet`. */
export const countTests = async (
  args: ReadonlyArray<string>,
  {
    cwd,
    env = {},
    quiet = false
  }: { readonly cwd: string; readonly env?: Readonly<Record<string, string>>; readonly quiet?: boolean }
): Promise<Tally> => {
  await using installed = await installedBun()
  const run = Bun.spawn([installed.bun, "test", ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: quiet ? "ignore" : "inherit",
    stderr: "pipe"
  })
  const decoder = new TextDecoder()
  let tail = ""
  for await (const chunk of run.stderr) {
    if (!quiet) process.stderr.write(chunk)
    tail = (tail + decoder.decode(chunk, { stream: true })).slice(-8192)
  }
  return tallyOf(tail, await run.exited)
}
