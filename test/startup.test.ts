/** Packages that a start loads: SDKs, tokenizers and price lists wait for the first call that needs them. */
import { expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"

const root = new URL("..", import.meta.url).pathname
const transpiler = new Bun.Transpiler({ loader: "ts" })

/** Packages that are imported by these files, and by the files that they import, except with `import()`. */
const packagesOf = (...files: ReadonlyArray<string>): ReadonlyMap<string, string> => {
  const packages = new Map<string, string>()
  const seen = new Set<string>()
  const visit = (file: string) => {
    if (seen.has(file) || !/\.tsx?$/.test(file) || !existsSync(file)) return
    seen.add(file)
    for (const { kind, path } of transpiler.scanImports(readFileSync(file, "utf8"))) {
      if (kind !== "import-statement") continue
      if (path.startsWith(".")) visit(join(dirname(file), path))
      else packages.set(path, relative(root, file))
    }
  }
  for (const file of files) visit(join(root, file))
  return packages
}

const light =
  /^(effect($|\/)|node:|bun($|:)|@modelcontextprotocol\/(server|core)|@effect\/platform-node-shared\/)/

test("a start imports no heavy package", () => {
  const packages = packagesOf("src/cli/serveStdio.ts", "src/cli/serveHttp.ts", "src/program/program.ts")
  expect([...packages].filter(([name]) => !light.test(name))).toEqual([])
  expect([...packages.keys()]).toContain("@modelcontextprotocol/server")
})

test("the first call of a model does", () => {
  const packages = packagesOf("layers/models/openai.ts", "layers/models/anthropic.ts")
  expect([...packages.keys()]).toEqual(expect.arrayContaining(["openai", "@anthropic-ai/sdk"]))
})
