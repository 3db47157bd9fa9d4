/** The README's code blocks, executed: what it shows is what happens. */
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { rm, writeFile } from "node:fs/promises"
import { parse } from "yaml"
import { ConfigSource } from "../layers/config/ConfigSource.ts"
import { sections } from "../src/cli/sections.ts"
import { it } from "./support/effect.ts"
import { endpoint, service } from "./support/service.ts"

const root = new URL("../", import.meta.url).pathname
const readme = await Bun.file(`${root}README.md`).text()
const manifest = (await Bun.file(`${root}package.json`).json()) as { scripts: Record<string, string> }

/** The text of every block of a language, in order. */
const blocks = (language: string) =>
  [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, name]) => name === language)
    .map(([, , text]) => text ?? "")

/** Runs a block as a shell would, with `bun` being the one that runs this. */
const shell = async (script: string, env: Record<string, string> = {}) => {
  const child = Bun.spawn(
    ["bash", "-euo", "pipefail", "-c", `bun() { "${process.execPath}" "$@"; }\n${script}`],
    {
      cwd: root,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, ...env }
    }
  )
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited
  ])
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" })
  return stdout
}

describe("README", () => {
  test("names only scripts that exist", () => {
    const named = [...readme.matchAll(/bun(?:@[\d.]+)? run ([a-z]+)/g)].map(([, name]) => name ?? "")
    expect(named.length).toBeGreaterThan(4)
    for (const name of named) expect(Object.keys(manifest.scripts)).toContain(name)
  })

  test("commands answer as they say", async () => {
    const commands = blocks("sh").filter((text) => text.includes("src/main.ts"))
    expect(commands.length).toBe(1)
    for (const text of commands) {
      const output = await shell(text)
      expect(output).toContain("math.add")
      expect(output).toContain("\n5\n")
      expect(output).toContain('"structuredContent":{"message":"hello"}')
    }
  }, 30_000)

  it.live("curl is answered", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const [text] = blocks("sh").filter((block) => block.startsWith("curl"))
      const output = yield* Effect.promise(() =>
        shell((text ?? "").replace("http://127.0.0.1:8000/mcp", url.href))
      )
      expect(JSON.parse(output)).toMatchObject({ id: 0, result: { protocolVersion: "2025-06-18" } })
    }).pipe(Effect.provide(service()))
  )

  test("the library example runs", async () => {
    const [text] = blocks("ts")
    const file = `${root}test/support/readme.generated.ts`
    await writeFile(file, text ?? "")
    try {
      expect(await shell(`bun ${file}`)).toContain("greet")
    } finally {
      await rm(file)
    }
  }, 30_000)

  for (const [index, text] of blocks("yaml").entries()) {
    it.effect(`configuration ${index + 1} is without fault`, () =>
      Effect.flatMap(ConfigSource, (config) => config.check(sections)).pipe(
        Effect.provide(ConfigSource.layerFrom(parse(text), { MANIFOLD_TOKEN: "x".repeat(40) }))
      )
    )
  }

  test("client configurations are JSON", () => {
    expect(blocks("json").length).toBeGreaterThan(0)
    for (const text of blocks("json")) JSON.parse(text)
  })
})
