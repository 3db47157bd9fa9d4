/** `manifold config check|init|schema` as processes. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { commentedYaml } from "../../../src/cli/config/commentedYaml.ts"
import { fileSchema, isNode } from "../../../src/cli/config/jsonSchema.ts"
import { sections } from "../../../src/program/sections.ts"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import type { Section } from "../../../layers/config/Section.ts"
import { given } from "../../layers/config/files.ts"
import { it } from "../../support/effect.ts"
import { home } from "../../support/userHome.ts"
import { manifold } from "../../support/stdio.ts"

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

const inFile = Effect.fnUntraced(function* (text: string) {
  const file = join(yield* folder, "manifold.yaml")
  yield* Effect.promise(() => writeFile(file, text))
  return file
})

describe("manifold config check", () => {
  it.live("lists the settings it found, and notes sections without effect", () =>
    Effect.gen(function* () {
      const file = yield* inFile("web: { robots: true }\nusage: {}\n")
      const { code, stdout } = yield* manifold(["config", "check", file], {
        env: { MCP_COST_DAILY_MAX: "5" }
      })
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: `ok: ${file}
  usage: cost_daily_max (from the environment: MCP_COST_DAILY_MAX)
  web: robots
`
      })
    })
  )

  it.live("checks the file that the program reads, and reports every problem with line and column", () =>
    Effect.gen(function* () {
      const file = yield* inFile("server:\n  port: http\nwep: {}\n")
      const env = { MCP_CONFIG_PATH: file }
      const { code, stderr, stdout } = yield* manifold(["config", "check"], { env })
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
      expect(stderr).toContain(
        `server.port: expected an integer between 0 and 65535, got "http" (${file}:2:9)`
      )
      expect(stderr).toContain(`wep: unknown key; did you mean "web"? (${file}:3:1)`)
      const json = yield* manifold(["config", "check", "--json"], { env })
      expect({ code: json.code, stderr: json.stderr }).toEqual({ code: 1, stderr: "" })
      expect(JSON.parse(json.stdout)).toMatchObject({
        ok: false,
        problems: [{ path: "wep", source: `${file}:3:1` }, { path: "server.port" }]
      })
    })
  )

  it.live("succeeds without a configuration file, and fails for a missing named file", () =>
    Effect.gen(function* () {
      const { stdout } = yield* manifold(["config", "check", "--json"], { env: { MCP_CONFIG_JSON: "{}" } })
      expect(JSON.parse(stdout)).toEqual({ ok: true, source: "MCP_CONFIG_JSON", sections: [], notices: [] })
      const { code, stderr } = yield* manifold(["config", "check", "/none.yaml"])
      expect(code).toBe(1)
      expect(stderr).toContain("(/none.yaml)")
    })
  )
})

it.live(
  "manifold config check reports problems that would stop the service although each section is valid",
  () =>
    Effect.gen(function* () {
      const file = yield* inFile(
        "server: { host: 0.0.0.0, tls: { cert_file: none.pem, key_file: none.pem } }\ntemplates: { dir: none }\nedge: { https_port: 443 }\n"
      )
      const { code, stderr } = yield* manifold(["config", "check", file])
      expect(code).toBe(1)
      expect(stderr).toContain("4 problems")
      expect(stderr).toContain('server.host: "0.0.0.0" is reachable from other machines')
      expect(stderr).toContain('edge.host: "0.0.0.0" is reachable from other machines')
      expect(stderr).toContain(
        `server.tls.cert_file: cannot read ${file.replace("manifold.yaml", "none.pem")}`
      )
      expect(stderr).toContain(`templates.dir: ${file.replace("manifold.yaml", "none")}: cannot be read`)
    })
)

for (const [what, words, options] of [
  ["a stored token", ["token", "create", "me"], {}],
  ["an account", ["user", "add", "alice"], { stdin: "correct horse battery staple" }]
] as const) {
  it.live(`manifold config check accepts an address that others reach after ${what} was created`, () =>
    Effect.gen(function* () {
      const { env, path } = yield* home({ "manifold.yaml": "server: { host: 0.0.0.0 }\n" })
      const check = manifold(["config", "check", path("manifold.yaml")], { env })
      expect((yield* check).stderr).toContain("manifold token create")
      expect((yield* manifold(words, { env, ...options })).code).toBe(0)
      expect(yield* check).toMatchObject({ code: 0, stderr: "" })
    })
  )
}

it.live("--config sets the file of every command, overrides environment variables, and must exist", () =>
  Effect.gen(function* () {
    const file = yield* inFile("mcp: { page_size: 7 }\n")
    const env = { MCP_CONFIG_PATH: "/none.yaml", MCP_CONFIG_JSON: "{" }
    for (const words of [
      ["config", "check", "--config", file],
      ["--config", file, "config", "check"],
      [`--config=${file}`, "config", "check"]
    ])
      expect((yield* manifold(words, { env })).stdout).toBe(`ok: ${file}\n  mcp: page_size\n`)
    for (const words of [["serve"], ["serve", "--http"], ["serve", "--debug"], ["list", "tools"]]) {
      const { code, stderr } = yield* manifold([...words, "--config", "none.yaml"])
      expect(code).toBe(1)
      expect(stderr).toContain("(set by --config) (none.yaml)")
      expect((yield* manifold([...words, "--config"])).code).toBe(2)
    }
  })
)

describe("manifold config init", () => {
  it.live("writes a valid file, and overwrites an existing one only with --force", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "new.yaml")
      // Works even if the current configuration is invalid.
      const env = { MCP_CONFIG_JSON: "{" }
      expect((yield* manifold(["config", "init", file], { env })).code).toBe(0)
      expect((yield* manifold(["config", "check", file])).stdout).toBe(`ok: ${file}\n`)
      yield* Effect.promise(() => writeFile(file, "web: {}"))
      const refused = yield* manifold(["config", "init", file], { env })
      expect(refused.code).toBe(2)
      expect(refused.stderr).toContain("--force")
      expect(yield* Effect.promise(() => readFile(file, "utf8"))).toBe("web: {}")
      expect((yield* manifold(["config", "init", file, "--force"], { env })).code).toBe(0)
      expect(yield* Effect.promise(() => readFile(file, "utf8"))).toBe(commentedYaml(sections))
      expect((yield* manifold(["config", "init", "a.json"], { env })).stderr).toContain(".yaml")
    })
  )

  it.live("writes the user's file by default, with permissions for the user only", () =>
    Effect.gen(function* () {
      const user = yield* home({ "link.yaml": "x" })
      const usual = ".config/manifold/manifold.yaml"
      expect((yield* user.run(["config", "init"])).stdout).toContain(`Wrote ${user.path(usual)}`)
      expect((yield* user.run(["config", "check"])).stdout).toBe(`ok: ${user.path(usual)}\n`)
      expect((yield* user.run(["config", "init"])).stderr).toContain("--force")
      yield* user.run(["config", "init", "--config", "here/named.yaml"])
      yield* Effect.promise(async () => {
        await symlink("link.yaml", user.path("other.yaml"))
        await chmod(user.path(usual), 0o644)
      })
      expect((yield* user.run(["config", "init", "--force"])).code).toBe(0)
      expect((yield* user.run(["config", "init", "other.yaml", "--force"])).code).toBe(0)
      expect(yield* user.read("link.yaml")).toBe("x")
      for (const path of [usual, "here/named.yaml", "other.yaml"]) {
        const { mode } = yield* Effect.promise(() => stat(user.path(path)))
        expect(mode & 0o777).toBe(0o600)
      }
      const homeless = yield* user.run(["config", "init"], { HOME: "" })
      expect(homeless.code).toBe(2)
      expect(homeless.stderr).toContain("manifold config init FILE")
    })
  )

  const check = (text: string) =>
    ConfigSource.use((config) => Effect.as(config.check(sections), config)).pipe(
      Effect.provide(given({ files: { "manifold.yaml": text } }))
    )

  it.effect("writes a file whose uncommented settings equal the defaults", () =>
    Effect.gen(function* () {
      const whole = commentedYaml(sections).replace(/^# ?/gm, "")
      const plain = yield* check("")
      const written = yield* check(whole)
      expect((yield* written.found).sections.length).toBeGreaterThan(5)
      for (const section of sections as ReadonlyArray<Section<unknown>>) {
        // Sections whose keys have no defaults are commented out twice.
        if (!new RegExp(`^${section.name}:`, "m").test(whole)) continue
        expect(yield* written.read(section)).toEqual(yield* plain.read(section))
      }
    })
  )

  it.effect("writes a file with every section, key and environment variable", () =>
    Effect.gen(function* () {
      const text = commentedYaml(sections)
      for (const { env, name } of sections) {
        expect(text).toMatch(new RegExp(`^(# )+${name}:$`, "m"))
        for (const variable of Object.keys(env)) expect(text).toMatch(new RegExp(`\\b${variable}\\b`))
      }
      for (const line of text.split("\n")) expect(line).toMatch(/^(#.*)?$/)
    })
  )
})

describe("manifold config schema", () => {
  it.live("prints the JSON Schema even if the current configuration is invalid", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* manifold(["config", "schema"], { env: { MCP_CONFIG_JSON: "{" } })
      expect(code).toBe(0)
      expect(JSON.parse(stdout)).toEqual(fileSchema(sections))
    })
  )

  it.effect("allows declared keys only, and describes defaults, environment variables and secrets", () =>
    Effect.sync(() => {
      const root = fileSchema(sections)
      const open: Array<string> = []
      const visit = (value: unknown, path: string): void => {
        if (!isNode(value)) return
        if (isNode(value.properties) && value.additionalProperties !== false) open.push(path)
        for (const [key, inner] of Object.entries(value)) visit(inner, `${path}/${key}`)
      }
      visit(root, "#")
      expect(open).toEqual([])
      expect(root).toMatchObject({
        properties: {
          server: {
            properties: {
              port: {
                type: "integer",
                maximum: 65535,
                default: 8000,
                description: expect.stringContaining("PORT")
              }
            }
          },
          websocket: { properties: { host: { default: "127.0.0.1" } } },
          chat: { required: ["service"] },
          llm: {
            required: ["active", "providers"],
            properties: {
              providers: {
                additionalProperties: {
                  required: ["model"],
                  properties: { api_key: { type: "string", examples: ["env:NAME", "file:PATH"] } }
                }
              }
            }
          }
        }
      })
    })
  )
})
