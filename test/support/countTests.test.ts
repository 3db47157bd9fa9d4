/** Counting of test results, for each way in which a run of `bun test` can hide a failure. */
import { afterAll, describe, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { countTests, line, tallyOf } from "./countTests.ts"

const folders: Array<string> = []

/** Runs `bun test` in a temporary folder with the given files. */
const count = async (files: Record<string, string>) => {
  const folder = await mkdtemp(join(tmpdir(), "count-"))
  folders.push(folder)
  for (const [name, body] of Object.entries({ "package.json": "{}", ...files })) {
    await Bun.write(join(folder, name), body)
  }
  return countTests([], { cwd: folder, quiet: true })
}

afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

const file = (body: string) => `import { expect, test } from "bun:test"\n${body}\n`
const good = file(`test("good", () => expect(1).toBe(1))`)

describe("a real run is counted", () => {
  test("with passing, failing, skipped and planned tests", async () => {
    const mixed = file(
      `test("bad", () => expect(1).toBe(2)); test.skip("later", () => {}); test.todo("planned")`
    )
    expect(await count({ "a.test.ts": good, "b.test.ts": mixed })).toEqual({
      passed: 1,
      failed: 1,
      skipped: 2
    })
  })

  test("in which a test exits the process with 0", async () => {
    const leaves = file(`test("leaves", () => process.exit(0))`)
    expect((await count({ "a.test.ts": good, "b.test.ts": leaves })).failed).toBe(1)
  })

  test("in which a test prints its own summary and exits", async () => {
    const lies = file(
      `test("lies", () => { console.error(" 9 pass\\n 0 fail\\nRan 9 tests across 1 file. [1ms]\\n."); process.exit(0) })`
    )
    expect(await count({ "a.test.ts": lies })).toEqual({ passed: 0, failed: 1, skipped: 0 })
  })

  test("in which a file does not load", async () => {
    const broken = file(`import { gone } from "./gone.ts"\ntest("never", gone)`)
    expect(await count({ "a.test.ts": good, "b.test.ts": broken })).toEqual({
      passed: 1,
      failed: 1,
      skipped: 0
    })
  })

  test("without a test", async () => {
    expect((await count({})).failed).toBe(1)
  })
})

describe("the summary of bun test", () => {
  const summary = (pass: number, fail: number) => `\n ${pass} pass\n ${fail} fail\n 3 expect() calls\n`
  const ran = "Ran 5 tests across 2 files. [18.00ms]\n"

  test("is found among color codes", () => {
    const coloured = `\n\u001b[32m 5 pass\u001b[0m\n\u001b[2m 0 fail\u001b[0m\nRan 5 tests across 1 file. \u001b[2m[\u001b[1m3.00ms\u001b[0m\u001b[2m]\u001b[0m\n`
    expect(tallyOf(coloured, 0)).toEqual({ passed: 5, failed: 0, skipped: 0 })
  })

  test("is the last one in the output", () => {
    expect(tallyOf(summary(99, 0) + ran + summary(4, 1) + ran, 1)).toEqual({
      passed: 4,
      failed: 1,
      skipped: 0
    })
  })

  test("is rejected if other output follows", () => {
    expect(tallyOf(`${summary(5, 0)}${ran}\nb.test.ts:\n`, 0).failed).toBe(1)
  })

  test("counts an exit code without a failed test as a failure", () => {
    expect(tallyOf(summary(5, 0) + ran, 1)).toEqual({ passed: 5, failed: 1, skipped: 0 })
  })
})

test("the result line mentions skipped tests only if there are any", () => {
  expect(line({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed")
  expect(line({ passed: 3, failed: 1, skipped: 2 })).toBe("3 passed, 1 failed, 2 skipped")
})
