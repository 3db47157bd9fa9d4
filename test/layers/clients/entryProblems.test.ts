/** Problems of client entries: a command in a temporary cache, and files of the working folder that it would read. */
import { describe, expect, test } from "bun:test"
import { entryProblems, runnerOf } from "../../../layers/clients/entryProblems.ts"

describe("the package runner of the cache path", () => {
  for (const [path, runner] of [
    ["/home/u/.npm/_npx/8666902f26f2dc1a/node_modules/bun/bin/bun.exe", "npx"],
    ["C:\\Users\\u\\AppData\\Local\\npm-cache\\_npx\\8666\\node_modules\\bun\\bin\\bun.exe", "npx"],
    ["/tmp/bunx-1000-manifold@latest/node_modules/manifold/src/main.ts", "bunx"],
    ["/home/u/.bun/install/cache/manifold@0.1.0/src/main.ts", "bunx"],
    ["/home/u/.cache/pnpm/dlx/abc/node_modules/manifold/src/main.ts", "pnpm dlx"],
    ["C:\\Users\\u\\AppData\\Local\\pnpm-cache\\dlx\\abc\\node_modules\\.bin\\manifold", "pnpm dlx"],
    ["/tmp/xfs-1a2b3c4d/dlx-1234/node_modules/manifold/src/main.ts", "yarn dlx"],
    ["/usr/local/bin/bun", undefined],
    ["/home/u/.bun/bin/bun", undefined],
    ["/home/u/.bun/install/global/node_modules/manifold/src/main.ts", undefined],
    ["/usr/lib/node_modules/bun/bin/bun.exe", undefined],
    ["/home/u/src/npx/manifold/src/main.ts", undefined]
  ] as const) {
    test(`${path} is ${runner ?? "none"}`, () => {
      expect(runnerOf(path)).toBe(runner)
    })
  }
})

describe("an entry", () => {
  const main = "/opt/manifold/src/main.ts"
  const safe = ["--cwd=/opt/manifold", "--no-env-file", main, "serve"]
  const problems = (entry: unknown) => entryProblems(entry).join("; ")

  test("of the binary, of a URL, or of Bun with its flags has no problem", () => {
    for (const entry of [
      { command: "/usr/local/bin/manifold", args: ["serve"] },
      { command: "manifold", args: ["serve", "--config", "/etc/manifold.yaml"] },
      { url: "http://127.0.0.1:8000/mcp" },
      { command: "/usr/bin/bun", args: safe, env: { MCP_CONFIG_PATH: "/home/u/my.yaml" } },
      { command: "C:\\bun\\bun.exe", args: safe, env: { MCP_CONFIG_PATH: "C:\\u\\my.yaml" } },
      undefined,
      "text",
      { command: 5, args: "serve" }
    ])
      expect(problems(entry)).toBe("")
  })

  test("of Bun without its flags would read files of the working folder", () => {
    for (const command of ["bun", "/usr/bin/bun", "C:\\bun\\bun.exe"]) {
      expect(problems({ command, args: [main, "serve"] })).toContain("bunfig.toml")
      expect(problems({ command, args: safe.slice(1) })).toContain("bunfig.toml")
      expect(problems({ command, args: safe.filter((arg) => arg !== "--no-env-file") })).toContain(".env")
    }
  })

  test("with a command in a cache, or a relative configuration path, has a problem", () => {
    const cached = "/home/u/.npm/_npx/8666/node_modules/bun/bin/bun.exe"
    expect(problems({ command: cached, args: safe })).toContain("cache of npx")
    const relative = "uses the relative path manifold.yaml"
    expect(problems({ command: "manifold", args: ["serve", "--config", "manifold.yaml"] })).toContain(
      relative
    )
    expect(problems({ command: "bun", args: [...safe, "--config=a/manifold.yaml"] })).toContain(
      "uses the relative path"
    )
    expect(
      problems({ command: "manifold", args: ["serve"], env: { MCP_CONFIG_PATH: "manifold.yaml" } })
    ).toContain(relative)
  })
})
