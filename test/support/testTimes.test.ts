/** The list of the slowest test files at the end of a check. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { countTests } from "./countTests.ts"
import { repair, slowest } from "./testTimes.ts"

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "times-"))
})
afterAll(() => rm(folder, { recursive: true }))

test("has the files of a run, the slowest first, without those that were removed", async () => {
  const times = join(folder, "times.json")
  await repair(times)
  await Bun.write(join(folder, "package.json"), "{}")
  for (const [name, millis] of [
    ["quick", 0],
    ["slow", 120],
    ["gone", 240]
  ] as const) {
    const body = `import { test } from "bun:test"\ntest("waits", () => Bun.sleep(${millis}))\n`
    await Bun.write(join(folder, `${name}.test.ts`), body)
  }
  const args = [`--timings=${times}`, "--update-timings"]
  expect(await countTests(args, { cwd: folder, quiet: true })).toMatchObject({ passed: 3, failed: 0 })
  await rm(join(folder, "gone.test.ts"))
  await repair(times)
  expect(await slowest(times, folder, 1)).toMatch(/^ {3}\d\.\d s {2}slow\.test\.ts$/)
  expect((await slowest(times, folder, 10)).split("\n")).toHaveLength(2)
})

test("is empty without a run, and a damaged file is removed", async () => {
  const damaged = join(folder, "damaged.json")
  expect(await slowest(damaged, folder, 10)).toBe("")
  await Bun.write(damaged, '{"version":1,"files":')
  expect(await slowest(damaged, folder, 10)).toBe("")
  await repair(damaged)
  expect(existsSync(damaged)).toBe(false)
})
