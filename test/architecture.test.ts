/** Import rules of `layers/` and `src/`: order, cycles and files; and tests of the checker itself. */
import { describe, expect, test } from "bun:test"
import { exceptions, importsOf, layerRanks, problemsOf, ranks } from "./support/architecture.ts"

const root = new URL("..", import.meta.url).pathname

const readTree = async () => {
  const files = [...new Bun.Glob("{src,layers}/**/*.{ts,tsx}").scanSync({ cwd: root })].toSorted()
  return new Map(
    await Promise.all(files.map(async (file) => [file, await Bun.file(root + file).text()] as const))
  )
}

const about = "/** Says something. */\n"

/** The problems of files given as `path → imported paths` (each file has its opening sentence). */
const problems = (files: Record<string, ReadonlyArray<string>>) =>
  problemsOf(
    new Map(
      Object.entries(files).map(([file, imports]) => [
        file,
        about + imports.map((from) => `import { x } from "${from}"\n`).join("")
      ])
    ),
    []
  )

describe("this repository", () => {
  test("keeps every rule", async () => {
    const tree = await readTree()
    expect(tree.has("src/domain/Principal.ts")).toBe(true)
    expect(problemsOf(tree, exceptions)).toEqual([])
  })

  test("gives a reason for every exception", () => {
    expect(exceptions.filter(({ reason }) => reason.length < 20)).toEqual([])
  })
})

describe("import order", () => {
  const place = (group: string) => (group === "layers" ? "layers/guard/A.ts" : `src/${group}/A.ts`)
  const folders = ranks.slice(0, -1)
  const pairs = folders.flatMap((low, rank) =>
    low.flatMap((from) =>
      folders
        .slice(rank + 1)
        .flat()
        .map((to) => [from, to] as const)
    )
  )

  test("every group may import those below it and none above it", () => {
    for (const [low, high] of pairs) {
      const [a, b] = [place(low), place(high)]
      expect(problems({ [a]: [`../../${b}`], [b]: [] })).toEqual([
        `${a}: ${low} must not import ${high} (../../${b}): that is upward`
      ])
      expect(problems({ [b]: [`../../${a}`], [a]: [] })).toEqual([])
    }
  })

  test.each([
    ["tools", "prompts"],
    ["prompts", "resources"],
    ["resources", "tools"],
    ["mcp", "chat"],
    ["chat", "http"],
    ["http", "mcp"]
  ])("%s and %s do not know each other", (one, other) => {
    expect(problems({ [`src/${one}/A.ts`]: [`../${other}/B.ts`], [`src/${other}/B.ts`]: [] })).toEqual([
      `src/${one}/A.ts: ${one} and ${other} must not know each other (../${other}/B.ts)`
    ])
  })

  test("every layer may import those below it and none above it", () => {
    for (const [rank, layers] of layerRanks.entries()) {
      for (const low of layers) {
        for (const high of layerRanks.slice(rank + 1).flat()) {
          const [a, b] = [`layers/${low}/A.ts`, `layers/${high}/B.ts`]
          expect(problems({ [a]: [`../${high}/B.ts`], [b]: [] })).toEqual([
            `${a}: layers/${low} must not import layers/${high} (../${high}/B.ts): that is upward`
          ])
          expect(problems({ [b]: [`../${low}/A.ts`], [a]: [] })).toEqual([])
        }
        for (const peer of layers.filter((each) => each !== low)) {
          expect(
            problems({ [`layers/${low}/A.ts`]: [`../${peer}/B.ts`], [`layers/${peer}/B.ts`]: [] })
          ).toEqual([
            `layers/${low}/A.ts: layers/${low} and layers/${peer} must not know each other (../${peer}/B.ts)`
          ])
        }
      }
    }
  })

  test("a layer without a rank is a problem", () => {
    expect(problems({ "layers/newcomer/A.ts": [] })).toHaveLength(1)
  })

  test("nothing imports main, and main imports everything", () => {
    expect(problems({ "src/cli/serve.ts": ["../main.ts"], "src/main.ts": [] })).toHaveLength(1)
    expect(problems({ "src/main.ts": ["./cli/serve.ts"], "src/cli/serve.ts": [] })).toEqual([])
  })

  test("the domain imports effect and nothing else", () => {
    expect(problems({ "src/domain/A.ts": ["effect", "effect/ai"] })).toEqual([])
    expect(problems({ "src/domain/A.ts": ["yaml"] })).toHaveLength(1)
  })

  test("the product does not import its tests", () => {
    expect(problems({ "src/cli/a.ts": ["../../test/support/effect.ts"] })).toHaveLength(1)
  })

  test("imports of assets and of package.json are not checked", () => {
    expect(problems({ "layers/http/A.ts": ["../../package.json", "../../templates/a.txt"] })).toEqual([])
  })

  test("a folder without a place in the order is a problem", () => {
    expect(problems({ "src/newcomer/A.ts": [] })).toHaveLength(1)
  })
})

describe("import cycles", () => {
  test("a file that imports itself through others is a problem", () => {
    expect(
      problems({
        "layers/http/A.ts": ["./B.ts"],
        "layers/http/B.ts": ["./C.ts"],
        "layers/http/C.ts": ["./A.ts"]
      })
    ).toEqual(["a cycle: layers/http/A.ts → layers/http/B.ts → layers/http/C.ts → layers/http/A.ts"])
  })

  test("two paths to one module are not a cycle", () => {
    const files = {
      "layers/http/A.ts": ["./B.ts", "./C.ts"],
      "layers/http/B.ts": ["./D.ts"],
      "layers/http/C.ts": ["./D.ts"]
    }
    expect(problems({ ...files, "layers/http/D.ts": [] })).toEqual([])
  })
})

describe("file rules", () => {
  test("imports name an existing file with its extension", () => {
    expect(problems({ "layers/http/A.ts": ["./B"], "layers/http/B.ts": [] })).toHaveLength(1)
    expect(problems({ "layers/http/A.ts": ["./Gone.ts"] })).toHaveLength(1)
  })

  test.each([
    ["", "nothing"],
    ['import { x } from "effect"\n/** Too late. */\n', "a sentence after the imports"],
    ["/** no sentence */\n", "no full stop"],
    ["// Says something.\n", "another kind of comment"]
  ])("%j is not an opening sentence: %s", (source) => {
    expect(problemsOf(new Map([["layers/http/A.ts", source]]), [])).toHaveLength(1)
  })

  test("a shebang may precede the header comment, which may have several lines", () => {
    const main = "#!/usr/bin/env bun\n/**\n * Starts\n * the program.\n */\n"
    expect(problemsOf(new Map([["src/main.ts", main]]), [])).toEqual([])
  })

  test("barrels are rejected, lists are not", () => {
    const source = `${about}export * from "./A.ts"\n`
    const tree = (file: string) =>
      new Map([
        [file, source],
        [file.replace(/[^/]+$/, "A.ts"), about]
      ])
    expect(problemsOf(tree("src/tools/index.ts"), [])).toEqual([])
    expect(problemsOf(tree("layers/guard/all.ts"), [])).toHaveLength(1)
    expect(problemsOf(tree("layers/guard/index.ts"), [])).toHaveLength(2)
    expect(problems({ "layers/guard/index.ts": [] })).toHaveLength(1)
  })

  test.each(["node:fs", "bun", "bun:sqlite", "@effect/platform-node-shared/NodeStdio"])(
    "%s stays in layers/platform",
    (specifier) => {
      expect(problems({ "layers/platform/A.ts": [specifier] })).toEqual([])
      expect(problems({ "layers/storage/A.ts": [specifier] })).toHaveLength(1)
    }
  )

  test("an exception covers one import of one file, and must still be needed", () => {
    const tree = new Map([["layers/storage/Sql.ts", `${about}import { Database } from "bun:sqlite"\n`]])
    const exception = { file: "layers/storage/Sql.ts", specifier: "bun:sqlite", reason: "it is the driver" }
    expect(problemsOf(tree, [exception])).toEqual([])
    expect(problemsOf(tree, [{ ...exception, file: "layers/storage/Other.ts" }])).toHaveLength(2)
    expect(problemsOf(tree, [exception, { ...exception, specifier: "bun" }])).toHaveLength(1)
  })
})

describe("importsOf", () => {
  test.each([
    [`import type { A } from "./A.ts"`, "./A.ts"],
    [`import {\n  a,\n  type B as C\n} from "./A.ts"`, "./A.ts"],
    [`import * as A from './A.ts'`, "./A.ts"],
    [`import "./A.ts"`, "./A.ts"],
    [`import text from "./a.txt" with { type: "text" }`, "./a.txt"],
    [`export type { A } from "./A.ts"`, "./A.ts"],
    [`export * as A from "./A.ts"`, "./A.ts"],
    [`const load = () => import("./A.ts")`, "./A.ts"],
    [`type A = import("./A.ts").A`, "./A.ts"],
    [`new Worker(new URL("./w.ts", import.meta.url))`, "./w.ts"]
  ])("%s", (source, expected) => {
    expect(importsOf(source)).toEqual([expected])
  })

  test("ignores comments and strings", () => {
    expect(
      importsOf(` * import { a } from "./A.ts"\n// import("./A.ts")\nexport const from = "./A.ts"\n`)
    ).toEqual([])
  })
})
