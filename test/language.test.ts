/** The language check: standard terms in comments, messages, test names and Markdown, with a list of exceptions. */
import { describe, expect, test } from "bun:test"
import { type Allowed, check, isAllowed, rules } from "./support/language.ts"

const root = new URL("../", import.meta.url).pathname

/** Permanent exceptions. An entry without a finding fails the check. */
const exceptions: ReadonlyArray<Allowed> = [
  { path: "CONTRIBUTING.md", reason: "the glossary shows the words to avoid" }
]

const files = Array.from(new Bun.Glob("{src,layers,test,docs}/**/*.{ts,md}").scanSync(root))
  .concat("README.md", "CONTRIBUTING.md")
  .filter((file) => !file.includes("node_modules"))
  .toSorted()

test("comments, messages, test names and pages use the standard terms", async () => {
  const texts = files.map(async (file) => check(file, await Bun.file(root + file).text()))
  const findings = (await Promise.all(texts)).flat()
  const rest = findings.filter((finding) => !exceptions.some((entry) => isAllowed(finding, entry)))
  expect(rest.map(({ file, instead, line, word }) => `${file}:${line}: "${word}": ${instead}`)).toEqual([])
  expect(exceptions.filter((entry) => !findings.some((finding) => isAllowed(finding, entry)))).toEqual([])
})

describe("the language check finds", () => {
  const words = (file: string, text: string) => check(file, text).map(({ line, word }) => `${line} ${word}`)

  test("a word in a header, a comment and a message", () => {
    const text =
      '/** Reads files. */\n// Nobody reads it.\nconst a = "is told at once"\n/** Two\n * stands here. */\n'
    expect(words("src/a.ts", text)).toEqual(["2 Nobody", "3 told", "5 stands"])
  })

  test("a header that is a relative clause, but not such a comment", () => {
    expect(words("src/a.ts", "/** What a call needs. */\n/** What is kept. */\n")).toHaveLength(1)
    expect(words("src/a.ts", "/** Which era? How is it found? */\n")).toEqual([])
  })

  test("a word in a test name, but not in other strings of a test", () => {
    const text = '/** Tests. */\nit.live("is told everybody", () =>\n  call("nobody is here"))\n'
    expect(words("test/a.test.ts", text)).toEqual(["2 everybody", "2 told"])
  })

  test("a word in the prose of a page, but not in code", () => {
    expect(
      words("docs/a.md", "# Remarks\n\n```sh\necho nobody stands\n```\n\nUse `told`. It was told.\n")
    ).toEqual(["1 Remarks", "7 told"])
  })

  test("every word of the rules", () => {
    const samples = [
      "nobody",
      "it tells",
      "it stands",
      "of its own",
      "given again",
      "turned away",
      "left alone",
      "patience",
      "passing reason",
      "remarks",
      "strangers",
      "whoever",
      "for ever",
      "it is no file",
      "Redis is away",
      "anew",
      "What it does."
    ]
    expect(samples.map((word) => words("src/a.ts", `/** ${word} */`).length)).toEqual(rules.map(() => 1))
  })
})
