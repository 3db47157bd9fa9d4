/** The tables of attacks in `docs/security.md`: each row names tests, and all of them exist. */
import { expect, test } from "bun:test"
import { root } from "./support/codeBlocks.ts"

const page = await Bun.file(`${root}docs/security.md`).text()
const section = page.slice(page.indexOf("\n## Attacks that are tested"))

/** Rows of tables, without their heads. */
const rows = [...section.matchAll(/^\|(?! ?row| attack|---).*\|$/gm)].map(([row]) => row)

/** Files and beginnings of test names: `file`, "name", "name"; `file`, "name". */
const named = (row: string) =>
  [...row.matchAll(/`(test\/[^`]+)`((?:, "[^"]+")*)/g)].map(([, file = "", names = ""]) => ({
    file,
    names: [...names.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => name)
  }))

/** Names of the tests of a file as they are written there. */
const testsOf = async (file: string) =>
  [
    ...(await Bun.file(root + file).text()).matchAll(
      /\b(?:test|it\w*|inBrowser|alone)(?:\.\w+)*\(\s*(["'`])((?:\\.|(?!\1).)*)\1/g
    )
  ].map(([, , name = ""]) => name)

test("every row of the tables of attacks names tests that exist", async () => {
  expect(rows.length).toBeGreaterThan(50)
  const problems: Array<string> = []
  for (const row of rows) {
    const files = named(row)
    if (files.length === 0) problems.push(`no test: ${row}`)
    for (const { file, names } of files) {
      const existing = (await Bun.file(root + file).exists()) ? await testsOf(file) : []
      if (names.length === 0) problems.push(`no name of a test: ${file} in ${row}`)
      for (const name of names) {
        const found = existing.filter((each) => each.startsWith(name)).length
        if (found !== 1) problems.push(`${found} tests of ${file} begin with "${name}"`)
      }
    }
  }
  expect(problems).toEqual([])
})

test("the rows of identity and administration are complete", () => {
  const numbers = new Set(
    rows.map((row) => Number(/^\| (\d+) \|/.exec(row)?.[1] ?? 0)).filter((row) => row > 0)
  )
  const required = [
    ...Array.from({ length: 20 }, (_, index) => index + 1),
    21,
    22,
    23,
    24,
    25,
    26,
    36,
    41,
    42,
    43,
    44,
    45,
    46,
    47,
    48,
    49,
    50,
    51,
    52,
    53,
    54,
    55,
    56,
    57,
    59,
    62,
    63,
    67,
    69
  ]
  expect([...numbers].toSorted((a, b) => a - b)).toEqual(required)
})
