/** The program started by a client in an untrusted folder: it reads and runs no file of it. */
import { describe, expect } from "bun:test"
import { Client } from "@modelcontextprotocol/client"
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio"
import { Effect } from "effect"
import { readdir } from "node:fs/promises"
import { it } from "../support/effect.ts"
import { foreignFolder } from "../support/untrustedFolder.ts"
import { home } from "../support/userHome.ts"

const main = new URL("../../src/main.ts", import.meta.url).pathname

interface Entry {
  readonly command: string
  readonly args: Array<string>
}

/** The entry that `manifold install` writes for this machine. */
const installed = (user: Effect.Success<ReturnType<typeof home>>) =>
  Effect.map(
    user.run(["install", "claude-code", "--dry-run", "--json"]),
    ({ stdout }) => (JSON.parse(stdout) as { readonly entry: Entry }).entry
  )

/** Uses everything that a configuration could change, and returns the output. */
const use = (entry: Entry, cwd: string, env: Record<string, string>) =>
  Effect.promise(async () => {
    const client = new Client({ name: "test", version: "1" })
    const transport = new StdioClientTransport({
      command: entry.command,
      args: entry.args,
      cwd,
      stderr: "pipe",
      env: { PATH: "/usr/bin:/bin", OPENAI_API_KEY: "sk-the-users-own-key", ...env }
    })
    let log = ""
    transport.stderr?.on("data", (chunk) => {
      log += String(chunk)
    })
    await client.connect(transport)
    const page = await client.request({ method: "tools/list" })
    const prompt = await client.getPrompt({ name: "summarize", arguments: { topic: "tides" } })
    const sum = await client.callTool({ name: "math.add", arguments: { a: 2, b: 3 } })
    await client.close()
    return { log, page, prompt: JSON.stringify(prompt), sum }
  })

const list = (dir: string) => Effect.promise(async () => (await readdir(dir, { recursive: true })).toSorted())

describe("in an untrusted folder, the server that a client starts", () => {
  for (const place of ["dir", "inner"] as const) {
    it.live(
      `reads and runs no file of ${place === "dir" ? "the cloned folder" : "a folder inside it"}`,
      () =>
        Effect.gen(function* () {
          const foreign = yield* foreignFolder
          const user = yield* home({ ".claude.json": "{}" })
          const entry = yield* installed(user)
          const before = yield* list(foreign[place])
          const { log, page, prompt, sum } = yield* use(entry, foreign[place], user.env)
          expect(foreign.harm()).toEqual([])
          expect(JSON.stringify(page)).toContain('"math.add"')
          expect(JSON.stringify(page)).toContain('"echo"')
          expect(prompt).toContain("<topic>tides</topic>")
          expect(sum).toMatchObject({ structuredContent: { result: 5 } })
          expect(log).not.toContain('"debug"')
          expect(yield* list(foreign[place])).toEqual(before)
        }),
      20_000
    )
  }

  it.live(
    "reads its configuration from the user's folder or from the file that the user set",
    () =>
      Effect.gen(function* () {
        const foreign = yield* foreignFolder
        const settings = (size: number) => `mcp: { page_size: ${size} }\n`
        const user = yield* home({
          ".claude.json": "{}",
          ".config/manifold/manifold.yaml": settings(3),
          "other.yaml": settings(2)
        })
        const entry = yield* installed(user)
        const size = (words: ReadonlyArray<string>, env = {}) =>
          Effect.map(
            use({ ...entry, args: [...entry.args, ...words] }, foreign.dir, { ...user.env, ...env }),
            ({ page }) => (page as { readonly tools: ReadonlyArray<unknown> }).tools.length
          )
        expect(yield* size([])).toBe(3)
        expect(yield* size(["--config", user.path("other.yaml")])).toBe(2)
        expect(yield* size([`--config=${user.path("other.yaml")}`, "--debug"])).toBe(2)
        expect(yield* size([], { MCP_CONFIG_PATH: "~/other.yaml" })).toBe(2)
        expect(foreign.harm()).toEqual([])
      }),
    30_000
  )
})

it.live("without the flags of the entry, Bun runs code of the folder before the program starts", () =>
  Effect.gen(function* () {
    const foreign = yield* foreignFolder
    const user = yield* home()
    const child = Bun.spawn([process.execPath, main, "--version"], {
      cwd: foreign.dir,
      env: { PATH: "/usr/bin:/bin", ...user.env },
      stdout: "ignore",
      stderr: "ignore"
    })
    yield* Effect.promise(() => child.exited)
    expect(foreign.harm()).toEqual(["code ran"])
  })
)

it.live(
  "a manifold.yaml in the working folder is reported with a hint and not used",
  () =>
    Effect.gen(function* () {
      const user = yield* home({ "manifold.yaml": "mcp: { page_size: 1 }\n" })
      const unread = `${user.path("manifold.yaml")} is ignored`
      const checked = yield* user.run(["config", "check"])
      expect(checked.stdout).toContain(unread)
      expect(checked.stdout).toContain("--config manifold.yaml")
      expect(checked.stdout).toContain(user.path(".config/manifold/manifold.yaml"))
      const doctor = yield* user.run(["doctor", "--json"], { PORT: "0" })
      expect(doctor.stdout).toContain(unread)
      const named = yield* user.run(["config", "check", "--config", "manifold.yaml"])
      expect(named.stdout).toBe("ok: manifold.yaml\n  mcp: page_size\n")
      const served = yield* Effect.promise(async () => {
        const child = Bun.spawn([process.execPath, main, "serve", "--http"], {
          cwd: user.dir,
          env: { ...process.env, ...user.env, PORT: "0" },
          stdin: "ignore",
          stdout: "pipe",
          stderr: "ignore"
        })
        let log = ""
        for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
          log += chunk
          if (log.includes("listening")) break
        }
        child.kill()
        await child.exited
        return log
      })
      expect(served).toContain(unread)
      expect(served).toContain('"configuration":"defaults"')
    }),
  30_000
)
