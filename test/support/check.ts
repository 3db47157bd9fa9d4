/**
 * `bun run check`: every gate step and every test, at the same time; then the slowest files, and the last line is
 * `N passed, N failed`.
 */
import { chmod, copyFile, mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { countTests, line } from "./countTests.ts"
import { repair, slowest } from "./testTimes.ts"

interface Step {
  readonly name: string
  /** Arguments for the Bun that runs this file, so that no other program has to be on the PATH. */
  readonly args: ReadonlyArray<string>
  /** Required output, if an exit code of 0 is not sufficient. */
  readonly clean?: RegExp
}

const root = new URL("../..", import.meta.url).pathname
const folders = ["src", "layers", "test"]

const steps: ReadonlyArray<Step> = [
  { name: "types", args: ["check", "--no-script"] },
  {
    name: "diagnostics",
    args: [
      "node_modules/.bin/effect-tsgo",
      "diagnostics",
      "--project",
      "tsconfig.json",
      "--strict",
      "--format",
      "text"
    ],
    // It exits with 0 if all findings have the severity "message".
    clean: /Checked (\d+) files out of \1 files\.\s+0 errors, 0 warnings and 0 messages\./
  },
  { name: "lint", args: ["node_modules/.bin/oxlint", "--deny-warnings", ...folders] },
  { name: "format", args: ["fmt", "--check", "--no-script", ...folders] }
]

const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`

/** Prints the output of the step when it ends, in one piece. */
const holds = async ({ args, clean, name }: Step): Promise<boolean> => {
  const start = performance.now()
  const run = Bun.spawn([process.execPath, ...args], {
    cwd: root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe"
  })
  const [output, errors, code] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited])
  console.log(`\n# ${name} (${seconds(start)})\n${output}${errors}`)
  return code === 0 && (clean === undefined || clean.test(output))
}

const start = performance.now()

// Tests also start the program as another user, who can read this folder.
const folder = await mkdtemp(join(tmpdir(), "manifold-check-"))
await chmod(folder, 0o755)
const binary = join(folder, "manifold")
const build: Step = { name: "build", args: ["run", "build"] }
const isBuilt = await holds(build)
if (isBuilt) await copyFile(join(root, "dist/manifold"), binary)

const checked = Promise.all(steps.map(async (step) => [step.name, await holds(step)] as const))

console.log("\n# tests")
const times = join(root, "node_modules/.cache/manifold/test-times.json")
await mkdir(dirname(times), { recursive: true })
await repair(times)
const tests = await countTests(
  ["--timeout=60000", "--parallel=3", "--no-isolate", `--timings=${times}`, "--update-timings"],
  { cwd: root, env: isBuilt ? { MANIFOLD_TEST_BINARY: binary } : {} }
)
await rm(folder, { recursive: true })
const ended = [[build.name, isBuilt] as const, ...(await checked)]

console.log(`\nslowest files:\n${await slowest(times, root, 10)}`)
console.log(`\ntests: ${line(tests)}`)
for (const [name, isWhole] of ended) console.log(`${name}: ${isWhole ? "ok" : "failed"}`)
console.log(`took ${seconds(start)}`)
const broken = ended.filter(([, isWhole]) => !isWhole).length
const total = { ...tests, failed: tests.failed + broken }
console.log(line(total))
process.exitCode = total.failed === 0 ? 0 : 1
