/** `manifold install` as a process, on realistic client files; and the server started from such a file. */
import { describe, expect } from "bun:test"
import { Client } from "@modelcontextprotocol/client"
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio"
import { Effect } from "effect"
import { cp, readdir, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { parse } from "jsonc-parser"
import { it } from "../../support/effect.ts"
import { main, program, source } from "../../support/program.ts"
import { home } from "../../support/userHome.ts"

const root = new URL("../../../", import.meta.url).pathname
const [bun] = source
const fromSource = { command: bun, args: [`--cwd=${root.slice(0, -1)}`, "--no-env-file", main, "serve"] }
const launch = program === source ? fromSource : { command: program[0], args: ["serve"] }

const files = {
  desktop: ".config/Claude/claude_desktop_config.json",
  code: ".claude.json",
  cursor: ".cursor/mcp.json",
  vscode: ".config/Code/User/mcp.json"
}

/** Realistic files: four styles, other servers, other settings, and comments where the client allows them. */
const realistic = {
  [files.desktop]: `{
  "mcpServers": {
    "filesystem": {
      "command": "npx",
      "args": ["-y", "@modelcontextprotocol/server-filesystem", "/Users/ada/Desktop"]
    },
    "github": {
      "command": "docker",
      "args": ["run", "-i", "--rm", "-e", "GITHUB_PERSONAL_ACCESS_TOKEN", "ghcr.io/github/github-mcp-server"],
      "env": { "GITHUB_PERSONAL_ACCESS_TOKEN": "ghp_averysecrettoken" }
    }
  },
  "globalShortcut": "Ctrl+Space"
}
`,
  [files.code]: JSON.stringify({
    numStartups: 42,
    projects: { "/home/ada/work": { allowedTools: [], history: [{ display: "hi" }], mcpServers: {} } },
    mcpServers: { sentry: { type: "http", url: "https://mcp.sentry.dev/mcp" } },
    oauthAccount: { emailAddress: "ada@example.com" }
  }),
  [files.cursor]:
    '{\r\n\t"mcpServers": {\r\n\t\t"linear": { "url": "https://mcp.linear.app/mcp" }\r\n\t}\r\n}\r\n',
  [files.vscode]: `{
    // Servers for every workspace.
    "servers": {
        "playwright": {
            "type": "stdio",
            "command": "npx",
            "args": ["@playwright/mcp@latest"],
        }, // keep
    },
    "inputs": [{ "type": "promptString", "id": "token", "password": true }],
}
`
}

const list = [
  ["claude-desktop", files.desktop, "mcpServers", launch],
  ["claude-code", files.code, "mcpServers", { type: "stdio", ...launch }],
  ["cursor", files.cursor, "mcpServers", launch],
  ["vscode", files.vscode, "servers", { type: "stdio", ...launch }]
] as const

const backups = (dir: string) =>
  Effect.promise(async () =>
    (await readdir(dir, { recursive: true })).filter((name) => name.includes(".backup-"))
  )

for (const [client, file, key, entry] of list) {
  it.live(
    `manifold install ${client} adds the entry once and removes it again without changing other text`,
    () =>
      Effect.gen(function* () {
        const user = yield* home(realistic)
        const before = yield* user.read(file)
        const added = yield* user.run(["install", client, "--yes"])
        expect(added).toMatchObject({ code: 0, stderr: "" })
        expect(added.stdout).toContain(`+   "command": ${JSON.stringify(launch.command)}`)
        expect(added.stdout).not.toContain("secret")

        const after = yield* user.read(file)
        const expected = parse(before) as Record<string, Record<string, unknown>>
        expected[key] = { ...expected[key], manifold: entry }
        expect(parse(after)).toEqual(expected)
        const [saved, ...more] = yield* backups(user.dir)
        expect(more).toEqual([])
        expect(yield* user.read(saved ?? "")).toBe(before)

        const again = yield* user.run(["install", client, "--yes"])
        expect(again).toMatchObject({ code: 0 })
        expect(again.stdout).toContain("already")
        expect(yield* user.read(file)).toBe(after)
        expect(yield* backups(user.dir)).toHaveLength(1)

        const removed = yield* user.run(["install", client, "--remove", "--yes", "--json"])
        expect(JSON.parse(removed.stdout)).toMatchObject({ client, change: "removed", written: true })
        expect(yield* user.read(file)).toBe(before)
      }),
    20_000
  )
}

it.live(
  "the server starts with the command, arguments and environment of the client's file",
  () =>
    Effect.gen(function* () {
      const user = yield* home(realistic)
      yield* Effect.promise(() => writeFile(user.path("my.yaml"), "mcp:\n  page_size: 2\n"))
      const words = ["install", "claude-desktop", "--config", "my.yaml", "--yes"]
      expect((yield* user.run(words, {}, true)).code).toBe(0)
      const { mcpServers } = JSON.parse(yield* user.read(files.desktop)) as {
        mcpServers: { manifold: { command: string; args: Array<string>; env: Record<string, string> } }
      }
      expect(mcpServers.manifold).toEqual({
        ...fromSource,
        env: { MCP_CONFIG_PATH: user.path("my.yaml") }
      })
      yield* Effect.promise(async () => {
        const client = new Client({ name: "test", version: "1" })
        // Desktop programs start servers in another folder, with few environment variables.
        const env = { HOME: user.dir, PATH: "/usr/bin:/bin", ...mcpServers.manifold.env }
        await client.connect(
          new StdioClientTransport({ ...mcpServers.manifold, env, cwd: "/", stderr: "ignore" })
        )
        const sum = await client.callTool({ name: "math.add", arguments: { a: 2, b: 3 } })
        expect(sum).toMatchObject({ structuredContent: { result: 5 } })
        const page = await client.request({ method: "tools/list" })
        expect(page).toMatchObject({ tools: { length: 2 } })
        await client.close()
      })
    }),
  20_000
)

describe("manifold install", () => {
  it.live("adds a URL with --http if the client supports URLs", () =>
    Effect.gen(function* () {
      const user = yield* home(realistic)
      const url = "http://127.0.0.1:8000/mcp"
      const entries = yield* Effect.forEach(["claude-code", "cursor", "vscode"], (client) =>
        Effect.map(user.run(["install", client, "--http", url, "--dry-run", "--json"]), ({ stdout }) =>
          Reflect.get(JSON.parse(stdout) as object, "entry")
        )
      )
      expect(entries).toEqual([{ type: "http", url }, { url }, { type: "http", url }])
      const refused = yield* user.run(["install", "claude-desktop", "--http", url, "--yes"])
      expect(refused.code).toBe(2)
      expect(refused.stderr).toContain("Omit --http")
      expect((yield* user.run(["install", "cursor", "--http", "localhost", "--yes"])).code).toBe(2)
      expect(yield* backups(user.dir)).toEqual([])
    })
  )

  it.live(
    "writes nothing with --dry-run, sets the name with --name, and changes the project's file with --project",
    () =>
      Effect.gen(function* () {
        const user = yield* home(realistic)
        const dry = yield* user.run(["install", "cursor", "--name", "tools", "--dry-run"])
        expect(dry.stdout).toContain('+ "tools": {')
        expect(yield* user.read(files.cursor)).toBe(realistic[files.cursor] ?? "")
        expect((yield* user.run(["install", "cursor", "--name", "no spaces"])).code).toBe(2)
        expect((yield* user.run(["install", "claude-code", "--project", "--yes"])).code).toBe(0)
        expect(JSON.parse(yield* user.read(".mcp.json"))).toEqual({
          mcpServers: { manifold: { type: "stdio", ...launch } }
        })
        expect(yield* user.read(files.code)).toBe(realistic[files.code] ?? "")
        expect((yield* user.run(["install", "claude-desktop", "--project", "--yes"])).stderr).toContain(
          "Omit --project"
        )
      })
  )

  it.live("writes nothing without --yes if there is no terminal to prompt on", () =>
    Effect.gen(function* () {
      const user = yield* home(realistic)
      const { code, stderr } = yield* user.run(["install", "cursor"])
      expect(code).toBe(2)
      expect(stderr).toContain("--yes")
      expect(yield* user.read(files.cursor)).toBe(realistic[files.cursor] ?? "")
    })
  )

  for (const [answer, written] of [
    ["y", true],
    ["n", false],
    ["\u0003", false]
  ] as const) {
    it.live(
      `prompts on a terminal and ${written ? "applies the change" : "changes nothing"} after ${JSON.stringify(answer)}`,
      () =>
        Effect.gen(function* () {
          const user = yield* home(realistic)
          yield* Effect.promise(async () => {
            let shown = ""
            const child = Bun.spawn([...program, "install", "cursor"], {
              cwd: user.dir,
              env: { ...process.env, ...user.env, TERM: "xterm" },
              terminal: {
                data: (terminal, bytes) => {
                  const before = shown.includes("(y/N)")
                  shown += new TextDecoder().decode(bytes)
                  if (!before && shown.includes("(y/N)")) terminal.write(answer)
                }
              }
            })
            await child.exited
            expect(shown).toContain("\u001b[32m+ ")
          })
          expect((yield* user.read(files.cursor)) !== realistic[files.cursor]).toBe(written)
        })
    )
  }
})

describe("manifold install changes nothing and fails for", () => {
  it.live("a client that is not installed, unless --force is set", () =>
    Effect.gen(function* () {
      const user = yield* home()
      const { code, stderr } = yield* user.run(["install", "vscode", "--yes"])
      expect(code).toBe(1)
      expect(stderr).toContain("--force")
      expect(yield* Effect.promise(() => readdir(user.dir))).toEqual([])
      expect((yield* user.run(["install", "vscode", "--yes", "--force"])).code).toBe(0)
      expect(JSON.parse(yield* user.read(files.vscode))).toHaveProperty("servers.manifold")
    })
  )

  it.live("a file that is not JSON, and reports line and column", () =>
    Effect.gen(function* () {
      const broken = '{\n  "mcpServers": {\n    "a": 1\n    "b": 2\n  }\n}\n'
      const user = yield* home({ [files.desktop]: broken })
      const { code, stderr } = yield* user.run(["install", "claude-desktop", "--yes"])
      expect(code).toBe(1)
      expect(stderr).toContain(`${files.desktop}:4:5: `)
      expect(stderr).not.toContain(" at ")
      expect(yield* user.read(files.desktop)).toBe(broken)
      expect(yield* backups(user.dir)).toEqual([])
    })
  )

  it.live("a missing configuration file, and an unknown client", () =>
    Effect.gen(function* () {
      const user = yield* home(realistic)
      const missing = yield* user.run(["install", "cursor", "--config", "absent.yaml", "--yes"])
      expect(missing.code).toBe(2)
      expect(missing.stderr).toContain(join(user.dir, "absent.yaml"))
      const unknown = yield* user.run(["install", "emacs", "--yes"])
      expect(unknown.code).toBe(2)
      expect(unknown.stderr).toContain('"claude-desktop"')
    })
  )
})

it.live("manifold install removes a byte order mark and reports it", () =>
  Effect.gen(function* () {
    const user = yield* home({ [files.desktop]: '\uFEFF{\r\n  "mcpServers": {}\r\n}\r\n' })
    const dry = yield* user.run(["install", "claude-desktop", "--dry-run"])
    expect(dry.stdout).toContain("- byte order mark")
    expect((yield* user.run(["doctor"], { PORT: "0" })).stdout).toContain("does not have manifold")
    expect((yield* user.run(["install", "claude-desktop", "--yes"])).code).toBe(0)
    const text = yield* user.read(files.desktop)
    expect(text).toStartWith('{\r\n  "mcpServers": {\r\n')
    yield* Effect.promise(() => writeFile(user.path(files.desktop), `\uFEFF${text}`))
    const again = yield* user.run(["install", "claude-desktop", "--yes"])
    expect(again.stdout).toContain("Done.")
    expect(yield* user.read(files.desktop)).toBe(text)
  })
)

it.live(
  "removing an entry prints no instructions for enabling the server, and a preview needs no --force",
  () =>
    Effect.gen(function* () {
      const user = yield* home(realistic)
      yield* user.run(["install", "cursor", "--yes"])
      const removed = yield* user.run(["install", "cursor", "--remove", "--yes"])
      expect(removed.stdout).toContain("Restart Cursor.")
      expect(removed.stdout).not.toContain("switch the server on")
      const other = yield* home()
      const dry = yield* other.run(["install", "vscode", "--dry-run"])
      expect(dry).toMatchObject({ code: 0, stderr: "" })
      expect(dry.stdout).toContain('+ "manifold": {')
    })
)

it.live("manifold install rejects a program in the cache of a package runner", () =>
  Effect.gen(function* () {
    const user = yield* home(realistic)
    const cached = user.path(".npm/_npx/8666902f26f2dc1a/node_modules/manifold")
    yield* Effect.promise(async () => {
      for (const part of ["src", "layers", "templates", "package.json"]) {
        await cp(join(root, part), join(cached, part), { recursive: true })
      }
      await symlink(join(root, "node_modules"), join(cached, "node_modules"))
    })
    const child = Bun.spawn([process.execPath, join(cached, "src/main.ts"), "install", "cursor", "--yes"], {
      cwd: user.dir,
      env: { ...process.env, ...user.env },
      stdout: "pipe",
      stderr: "pipe"
    })
    const [stderr, code] = yield* Effect.promise(() => Promise.all([child.stderr.text(), child.exited]))
    expect(code).toBe(2)
    expect(stderr).toContain("cache of npx")
    expect(stderr).toContain("bun run build")
    expect(yield* user.read(files.cursor)).toBe(realistic[files.cursor] ?? "")
  })
)

it.live("manifold install keeps a symbolic link and changes its target", () =>
  Effect.gen(function* () {
    const user = yield* home({ "dotfiles/cursor.json": "{}\n", ".cursor/README": "" })
    yield* Effect.promise(() => symlink("../dotfiles/cursor.json", user.path(files.cursor)))
    expect((yield* user.run(["install", "cursor", "--yes"])).code).toBe(0)
    expect(yield* user.read("dotfiles/cursor.json")).toContain('"manifold"')
    expect(yield* backups(user.path(".cursor"))).toEqual([])
    expect(yield* backups(user.path("dotfiles"))).toHaveLength(1)
  })
)
