/** `manifold upstream` as a process, in a home with its own configuration. */
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { importable } from "../../../src/cli/upstream/importable.ts"
import { editYaml } from "../../../layers/config/editYaml.ts"
import { it } from "../../support/effect.ts"
import { certificateFiles, machine, possible } from "../../support/certificate.ts"
import { plainServer } from "../../support/plainServer.ts"
import { home } from "../../support/userHome.ts"

const usual = ".config/manifold/manifold.yaml"
const memory = new URL(
  "../../../node_modules/@modelcontextprotocol/server-memory/dist/index.js",
  import.meta.url
).pathname

const written = `# mine
mcpServers:
  # the first
  first: { command: one } # really

# later
logging: { level: none }
`

describe("an edit of a YAML file", () => {
  const edit = (text: string, name: string, value: unknown) =>
    Effect.runPromise(editYaml(text, "mcpServers", name, value))

  test("adds an entry after the others and keeps every other line", async () => {
    expect(await edit(written, "second", { url: "https://example.com/mcp" })).toBe(
      written.replace("# really\n", "# really\n  second:\n    url: https://example.com/mcp\n")
    )
  })

  test("removes what it added", async () => {
    const added = await edit(written, "second", { command: "two", args: ["-y", "x y"] })
    expect(await edit(added, "second", undefined)).toBe(written)
  })

  test("starts the section where there is none, also in an empty file", async () => {
    expect(await edit("", "a", { command: "b" })).toBe("mcpServers:\n  a:\n    command: b\n")
    expect(await edit("web: {}", "a", { command: "b" })).toBe("web: {}\nmcpServers:\n  a:\n    command: b\n")
  })

  test("keeps comments in a section that is written on one line", async () => {
    const edited = await edit("# mine\nmcpServers: { a: { command: b } } # all\n", "c", { command: "d" })
    expect(edited).toContain("# mine")
    expect(edited).toContain("# all")
    expect(edited).toContain("command: d")
  })
})

describe("an entry of a client", () => {
  test("becomes an entry of the configuration, with references to variables", () => {
    const entry = { type: "stdio", command: "npx", args: ["-y", "x"], env: { A: "${env:A}", B: "b" } }
    expect(importable("my server", entry, false)).toEqual({
      name: "my-server",
      entry: { command: "npx", args: ["-y", "x"], env: { A: "env:A", B: "b" } }
    })
  })

  test("is left out with a reason where it cannot be used", () => {
    expect(importable("a", { command: "x", args: ["${input:key}"] }, false)).toHaveProperty("reason")
    expect(importable("a", { command: "x" }, true)).toHaveProperty("reason")
    expect(importable("manifold", { command: "manifold" }, false)).toHaveProperty("reason")
    expect(importable("a", "x", false)).toHaveProperty("reason")
  })
})

it.live("servers of Cursor are imported, tried out, listed with their cost, and removed", () =>
  Effect.gen(function* () {
    const user = yield* home({
      [usual]: written.replace("first: { command: one }", "first: { command: one, enabled: false }"),
      ".cursor/mcp.json": JSON.stringify({ mcpServers: { memory: { command: "node", args: [memory] } } })
    })
    const imported = yield* user.run(["upstream", "import", "cursor", "--json"])
    expect(JSON.parse(imported.stdout)).toMatchObject({ imported: ["memory"], written: true })
    const tested = yield* user.run(["upstream", "test", "memory", "--json"])
    expect(JSON.parse(tested.stdout)).toMatchObject([
      { stage: "negotiate", ok: true },
      { stage: "list", ok: true }
    ])
    const listed = yield* user.run(["upstream", "list", "--json"])
    const [row] = JSON.parse(listed.stdout)
    expect(row).toMatchObject({ name: "memory", state: "ready", held: [] })
    expect(row.tools).toBeGreaterThan(5)
    expect(row.tokens).toBeGreaterThan(200)
    expect(yield* user.run(["upstream", "remove", "memory"])).toMatchObject({ code: 0 })
    expect(yield* user.read(usual)).toContain(
      "# the first\n  first: { command: one, enabled: false } # really\n"
    )
  })
)

it.live("a server that cannot be reached fails at its stage, with what to do", () =>
  Effect.gen(function* () {
    const user = yield* home()
    yield* user.run(["upstream", "add", "gone", "--url", "http://127.0.0.1:1/mcp"])
    const { code, stdout } = yield* user.run(["upstream", "test", "gone", "--json"])
    expect(code).toBe(1)
    const steps = JSON.parse(stdout)
    expect(steps.at(-1)).toMatchObject({ stage: "connect", ok: false })
    expect(steps.at(-1).fix).toBeString()
  })
)

it.live(
  "a server that rejects one of its lists is degraded, with the reason and what to do, and does not fail",
  () =>
    Effect.gen(function* () {
      const { reject, url } = yield* plainServer()
      const user = yield* home()
      yield* user.run(["upstream", "add", "plain", "--url", url])
      reject({ code: -32_000, message: "The registry is not available." }, "resources/list")
      const tested = yield* user.run(["upstream", "test", "plain", "--json"])
      expect(tested.code).toBe(0)
      expect(JSON.parse(tested.stdout).at(-1)).toMatchObject({
        stage: "list",
        ok: true,
        degraded: true,
        detail:
          "1 tools, 0 prompts, 0 resources; the server rejects its list of resources: The registry is not available.",
        fix: expect.stringContaining("report it")
      })
      expect((yield* user.run(["upstream", "test", "plain"])).stdout).toMatch(/^warn {2}list /m)
      const examined = yield* user.run(["doctor", "--json"], { PORT: "0" })
      expect(examined.code).toBe(0)
      expect(JSON.parse(examined.stdout)).toContainEqual({
        check: "upstreams",
        status: "warn",
        message: expect.stringMatching(/^plain: degraded: .*The registry is not available.*report it/)
      })
      reject({ code: -32_000, message: "No." }, "tools/list", "resources/list", "resources/templates/list")
      expect((yield* user.run(["upstream", "test", "plain"])).code).toBe(1)
      expect((yield* user.run(["doctor"], { PORT: "0" })).code).toBe(1)
    })
)

test.skipIf(!possible)(
  "a server over TLS is tested by its certificate first, and errors have the HTTP status",
  () =>
    Effect.gen(function* () {
      const { cert_file, key_file } = yield* certificateFiles()
      const server = yield* Effect.acquireRelease(
        Effect.sync(() =>
          Bun.serve({
            port: 0,
            hostname: "127.0.0.1",
            tls: { cert: Bun.file(cert_file), key: Bun.file(key_file) },
            fetch: () => new Response("nothing here", { status: 404 })
          })
        ),
        (running) => Effect.promise(() => running.stop(true))
      )
      const user = yield* home()
      yield* user.run(["upstream", "add", "far", "--url", `https://127.0.0.1:${server.port}/mcp`])
      const tested = Effect.fnUntraced(function* (variables: Record<string, string>) {
        const { code, stdout } = yield* user.run(["upstream", "test", "far", "--json"], variables)
        expect(code).toBe(1)
        return JSON.parse(stdout)
      })
      expect(yield* tested({})).toMatchObject([
        { stage: "resolve", ok: true },
        { stage: "connect", ok: true },
        { stage: "tls", ok: false, fix: expect.stringContaining("NODE_EXTRA_CA_CERTS") }
      ])
      expect(yield* tested({ NODE_EXTRA_CA_CERTS: cert_file })).toMatchObject([
        { stage: "resolve", ok: true },
        { stage: "connect", ok: true },
        { stage: "tls", ok: true, detail: expect.stringContaining("valid until") },
        { stage: "negotiate", ok: false, detail: expect.stringContaining("HTTP 404: nothing here") }
      ])
    }).pipe(Effect.scoped, Effect.provide(machine), Effect.runPromise)
)

it.live("a server that would make the configuration invalid is not added", () =>
  Effect.gen(function* () {
    const user = yield* home({ [usual]: written })
    const { code, stderr } = yield* user.run(["upstream", "add", "bad", "--url", "ftp://example.com"])
    expect(code).not.toBe(0)
    expect(stderr).toContain("mcpServers.bad.url")
    expect(yield* user.read(usual)).toBe(written)
  })
)

it.live("MCP_SERVERS_CONFIG_PATH adds the servers of a JSON file, and its mistakes have their place", () =>
  Effect.gen(function* () {
    const user = yield* home({
      "servers_config.json": JSON.stringify({
        mcpServers: {
          demo: {
            enabled: true,
            command: "uv",
            args: ["run", "python", "Servers/demo_server.py"],
            cwd: "/absolute/path/to/project",
            env: {}
          }
        }
      }),
      "broken.json": '{\n  "mcpServers": {\n    "demo": { "comand": "uv" }\n  }\n}\n'
    })
    const check = (file: string) =>
      user.run(["config", "check"], { MCP_SERVERS_CONFIG_PATH: user.path(file) })
    const good = yield* check("servers_config.json")
    expect(good.code).toBe(0)
    expect(good.stdout).toContain("mcpServers: demo")
    const { code, stderr } = yield* check("broken.json")
    expect(code).toBe(1)
    expect(stderr).toContain("broken.json:3:")
  })
)

it.live("what is added, imported and removed has a row in the audit log, without secrets", () =>
  Effect.gen(function* () {
    const user = yield* home({
      ".cursor/mcp.json": JSON.stringify({ mcpServers: { memory: { command: "node", args: [memory] } } })
    })
    const url = "https://someone:hunter22@issues.example.com/mcp?key=hunter23"
    const runs = [
      ["add", "issues", "--url", url, "--header", "Authorization:hunter24"],
      ["add", "issues", "--replace", "--", "issues-server", "--token", "hunter25"],
      ["import", "cursor"],
      ["import", "cursor", "--dry-run"],
      ["remove", "issues"]
    ]
    for (const args of runs) {
      const { code, stderr } = yield* user.run(["upstream", ...args])
      expect([args[0], code, stderr]).toEqual([args[0], 0, ""])
    }
    expect((yield* user.run(["upstream", "remove", "issues"])).code).toBe(2)
    const { stdout } = yield* user.run(["audit", "--format", "json"])
    expect(stdout).not.toContain("hunter")
    const rows = stdout
      .trim()
      .split("\n")
      .map(
        (line) =>
          JSON.parse(line) as { readonly action: string; readonly target: string; readonly details: object }
      )
    expect(rows.map(({ action, details, target }) => [action, target, details])).toEqual([
      ["upstream.add", "issues", { server: "https://issues.example.com", replaced: false }],
      ["upstream.add", "issues", { server: "issues-server", replaced: true }],
      ["upstream.add", "memory", { server: "node", client: "cursor" }],
      ["upstream.remove", "issues", {}]
    ])
    expect(rows[0]).toMatchObject({ subject: "operator", source: "cli", outcome: "succeeded" })
  })
)

it.live("a server is added also where the audit log cannot be written, with a note", () =>
  Effect.gen(function* () {
    const user = yield* home({
      [usual]: JSON.stringify({ storage: { postgres_url: "postgres://me:hidden@127.0.0.1:1/none" } })
    })
    const added = yield* user.run(["upstream", "add", "a", "--", "b"])
    expect(added.code).toBe(0)
    expect(added.stderr).toContain(
      "The audit log has no row of this: PostgreSQL at 127.0.0.1:1/none cannot be reached"
    )
    expect(added.stderr).not.toContain("hidden")
    expect(yield* user.read(usual)).toContain("command: b")
  })
)
