/** The pages "From zero", followed word by word; `bun run package` follows the one of the library, which needs the npm registry. */
import { describe, expect, test } from "bun:test"
import { root } from "../support/codeBlocks.ts"
import { stepsOf } from "../support/pageSteps.ts"

const pages = [...new Bun.Glob("docs/from-zero-*.md").scanSync(root)].toSorted()

/** A network in which nothing listens, so that each page has its ports. */
const apart = ["bwrap", "--unshare-net", "--dev-bind", "/", "/", "--die-with-parent"]
const canSeparate =
  Bun.which("bwrap") !== null && Bun.spawnSync([...apart, "true"], { stderr: "ignore" }).exitCode === 0

const readers = ["chat", "desktop", "library", "operator"]

test("each kind of user has a page", () => {
  expect(pages).toEqual(readers.map((reader) => `docs/from-zero-${reader}.md`))
})

describe("steps", () => {
  for (const page of pages) {
    test(`every block of ${page} is a step`, async () => {
      expect(stepsOf(await Bun.file(`${root}${page}`).text()).length).toBeGreaterThan(3)
    })
  }

  test("a block that is not followed is an error", () => {
    expect(() => stepsOf("# Page\n\n```yaml\na: 1\n```\n\n## Next\n")).toThrow("neither a command")
    expect(() => stepsOf("# Page\n\n```sh\necho\n```\n")).toThrow("no part ## Next")
    expect(() => stepsOf("# Page\n\n## Next\n\n```sh\necho\n```\n")).toThrow("not followed")
    expect(() => stepsOf("# Page\n\n- one\n  ```sh\n  echo\n  ```\n\n## Next\n")).toThrow("no language")
    expect(() => stepsOf("Start it, and leave it running:\n\n```sh\na\n```\n\n## Next\n")).toThrow("is ready")
  })
})

for (const page of pages.filter((name) => !name.includes("library"))) {
  test.skipIf(!canSeparate)(
    `${page} leads to what it promises`,
    async () => {
      const follow = Bun.spawn([...apart, process.execPath, "test/support/followPage.ts", page], {
        cwd: root,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe"
      })
      const [stdout, stderr, code] = await Promise.all([
        follow.stdout.text(),
        follow.stderr.text(),
        follow.exited
      ])
      expect(code === 0 ? "" : `${stdout}${stderr}`).toBe("")
    },
    120_000
  )
}
