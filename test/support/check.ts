/** `bun run check`: every gate step, then every test; the last line is `N passed, N failed`. */
import { countTests, line } from "./countTests.ts"

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

const holds = async ({ args, clean, name }: Step): Promise<boolean> => {
  console.log(`\n# ${name}`)
  const run = Bun.spawn([process.execPath, ...args], {
    cwd: root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe"
  })
  const [output, errors, code] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited])
  process.stdout.write(output)
  process.stdout.write(errors)
  return code === 0 && (clean === undefined || clean.test(output))
}

const broken: Array<string> = []
for (const step of steps) if (!(await holds(step))) broken.push(step.name)

console.log("\n# tests")
const tests = await countTests(["--timeout=60000", "--parallel=2", "--no-isolate"], { cwd: root })

console.log(`\ntests: ${line(tests)}`)
for (const { name } of steps) console.log(`${name}: ${broken.includes(name) ? "failed" : "ok"}`)
const total = { ...tests, failed: tests.failed + broken.length }
console.log(line(total))
process.exitCode = total.failed === 0 ? 0 : 1
