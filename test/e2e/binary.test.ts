/** The compiled binary in an empty folder: commands, workers and transports; files of the folder are not trusted. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Client } from "@modelcontextprotocol/client"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio"
import { Effect } from "effect"
import { program } from "../../src/domain/version.ts"
import * as claudeEvents from "../support/anthropicEvents.ts"
import { buildBinary, commitOf } from "../support/build/binary.ts"
import { bound, boundTokens, proofKey } from "../support/dpop.ts"
import { it } from "../support/effect.ts"
import { chunk, done, events, openai, server, usage } from "../support/models.ts"
import { compiled } from "../support/program.ts"
import { form, freePort, manualClient, password } from "../support/oauth.ts"
import { initialize, post } from "../support/service.ts"
import { foreignFolder } from "../support/untrustedFolder.ts"
import { read } from "../support/presentation.ts"

const info = { name: "test", version: "1" }
let folder = ""
let binary = ""

const environment = () => ({ PATH: "/usr/bin:/bin", HOME: folder })

const run = (...args: ReadonlyArray<string>) => runWith({}, ...args)

const runWith = async (env: Record<string, string>, ...args: ReadonlyArray<string>) => {
  const child = Bun.spawn([binary, ...args], {
    cwd: folder,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...environment(), ...env }
  })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { stdout, stderr, code }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "manifold-binary-"))
  binary = join(folder, "manifold")
  if (compiled !== undefined) return copyFile(compiled, binary)
  await buildBinary(binary, await commitOf(process.env))
}, 120_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

describe("in an empty folder, the binary", () => {
  test("runs commands", async () => {
    expect(await run("call", "math.add", "--arg", "a=2", "--arg", "b=3")).toEqual({
      stdout: "5\n",
      stderr: "",
      code: 0
    })
    expect((await run("list", "tools")).stdout).toContain("health_check")
    const commit = await commitOf(process.env)
    const about = commit === undefined ? "" : ` (${commit.commit}, ${commit.date})`
    expect((await run("--version")).stdout).toBe(`manifold v${program.version}${about}\n`)
  })

  test("reads a web page in a worker", async () => {
    const page =
      "<title>A page</title><article><h1>Heading</h1><p>Words that are worth reading, and more of them.</p></article>"
    const site = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => new Response(page, { headers: { "content-type": "text/html" } })
    })
    await writeFile(join(folder, "manifold.yaml"), `outbound:\n  allow_hosts: ["127.0.0.1:${site.port}"]\n`)
    const { stdout } = await run(
      "call",
      "web.fetch_url",
      "--arg",
      `url=${site.url.href}`,
      "--json",
      "--config",
      "manifold.yaml"
    )
    await site.stop(true)
    await rm(join(folder, "manifold.yaml"))
    const { structuredContent } = JSON.parse(stdout) as { structuredContent: Record<string, unknown> }
    expect(structuredContent).toMatchObject({ status_code: 200, title: "A page", error: null })
    expect(structuredContent.content_preview).toContain("Words that are worth reading")
  })

  test("renders prompts and a template of the operator", async () => {
    const { code, stderr, stdout } = await run("prompt", "summarize", "--arg", "topic=Tide pools")
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(stdout).toContain("<topic>Tide pools</topic>")
    expect(stdout).toContain("- Audience: <audience>general</audience>.")
    const prompts = join(folder, "prompts")
    await mkdir(prompts)
    await writeFile(join(prompts, "summarize.sqrl"), "About {{ it.topic | upper }}\n")
    await writeFile(join(folder, "manifold.yaml"), "templates:\n  dir: prompts\n")
    const rendered = await run("prompt", "summarize", "--arg", "topic=tides", "--config", "manifold.yaml")
    expect(rendered.stdout).toBe("About TIDES\n")
    await Promise.all([rm(join(folder, "manifold.yaml")), rm(prompts, { recursive: true })])
  })

  test("creates a slide deck in a worker with measured fonts", async () => {
    const details = JSON.stringify(["Q1: 10", "Q2: 14", "Q3: 22", "A point", "Another point"])
    const params = join(folder, "params.json")
    await writeFile(
      params,
      `{"client_name":"Acme","project_name":"Q3","source_content_type":"Result","source_content_details":${details},"target_content_type":"PPT","number_of_slides":4,"content_brief":""}`
    )
    const { code, stderr, stdout } = await run("call", "content.create", params, "--json")
    await rm(params)
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const { structuredContent } = JSON.parse(stdout) as {
      structuredContent: { path: string; slides: number }
    }
    expect(structuredContent.slides).toBe(4)
    const { problems, slides } = await read(await Bun.file(structuredContent.path).bytes())
    expect(problems).toEqual([])
    expect(slides[1]?.title).toStartWith("Q3")
  })

  it.live("asks models of both dialects, with the tokenizer, the price list and the ledger", () =>
    Effect.gen(function* () {
      const gpt = yield* server(() =>
        events([chunk({ content: "Hi" }, { finish: "stop" }), usage(1000, 2), done])
      )
      const claude = yield* server(() =>
        events([
          claudeEvents.start({ input_tokens: 1000, output_tokens: 1 }),
          ...claudeEvents.text("Hi"),
          ...claudeEvents.stop("end_turn", { output_tokens: 2 })
        ])
      )
      const { providers } = openai(gpt.url)
      const llm = {
        active: "openai",
        providers: { ...providers, ...claudeEvents.anthropic(claude.url).providers }
      }
      const env = { MCP_CONFIG_JSON: JSON.stringify({ llm, usage: { cost_per_request_max: 1 } }) }
      // The first one is long enough to be tokenized.
      const calls = [
        ["provider=openai", "model=gpt-4o", `query=${"word ".repeat(4000)}`],
        ["provider=anthropic", "model=claude-sonnet-4-5", "query=hi"]
      ]
      for (const call of calls) {
        const args = call.flatMap((arg) => ["--arg", arg])
        const ran = yield* Effect.promise(() => runWith(env, "call", "ask-model", "--json", ...args))
        expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: "" })
        const { structuredContent } = JSON.parse(ran.stdout) as { structuredContent: { cost_usd: unknown } }
        expect(structuredContent).toMatchObject({
          text: "Hi",
          uncertain: false,
          usage: { total_tokens: 1002 }
        })
        expect(structuredContent.cost_usd).toBeString()
      }
    })
  )

  test("serves MCP over stdio", async () => {
    const client = new Client(info, { versionNegotiation: { mode: "auto" } })
    await client.connect(
      new StdioClientTransport({
        command: binary,
        args: ["serve"],
        cwd: folder,
        env: environment(),
        stderr: "ignore"
      })
    )
    expect(client.getNegotiatedProtocolVersion()).toBe("2026-07-28")
    const sum = await client.callTool({ name: "math.add", arguments: { a: 2, b: 3 } })
    expect(sum).toMatchObject({ structuredContent: { result: 5 } })
    await client.close()
  })

  test("serves HTTP and stops on SIGTERM", async () => {
    const child = Bun.spawn([binary, "serve", "--http", "--port", "0"], {
      cwd: folder,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      env: environment()
    })
    const { value } = await child.stderr.getReader().read()
    const url = /http:\S+\/mcp/.exec(new TextDecoder().decode(value))?.[0] ?? ""
    const client = new Client(info)
    await client.connect(new StreamableHTTPClientTransport(new URL(url)))
    expect(await client.callTool({ name: "echo", arguments: { message: "hi" } })).toMatchObject({
      structuredContent: { message: "hi" }
    })
    await client.close()
    child.kill("SIGTERM")
    expect(await child.exited).toBe(0)
  })

  it.live("signs people in: accounts, pages, tokens with proofs, keys and revocation", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const base = `http://127.0.0.1:${port}`
      const start = (args: ReadonlyArray<string>, config: object) =>
        Bun.spawn([binary, ...args], {
          cwd: folder,
          stdin: "pipe",
          stdout: "ignore",
          stderr: "pipe",
          env: { ...environment(), MCP_CONFIG_JSON: JSON.stringify(config) }
        })
      const storage = { dir: join(folder, "state") }
      const added = start(["user", "add", "alice"], { storage })
      yield* Effect.promise(async () => added.stdin.write(`${password}\n`))
      yield* Effect.promise(async () => added.stdin.end())
      expect(yield* Effect.promise(() => added.exited)).toBe(0)

      const serving = yield* Effect.acquireRelease(
        Effect.sync(() =>
          start(["serve", "--http", "--port", String(port)], {
            storage,
            server: { public_url: base },
            auth: { oauth: { secret: "0123456789abcdef0123456789abcdef" } }
          })
        ),
        (child) =>
          Effect.promise(() => {
            child.kill()
            return child.exited
          })
      )
      const stderr = serving.stderr.getReader()
      yield* Effect.promise(() => stderr.read())
      const key = yield* Effect.promise(() => proofKey())
      const tokens = yield* boundTokens(base, key)
      expect([tokens.status, tokens.type]).toEqual([200, "DPoP"])
      const url = new URL("/mcp", base)
      const send = (token: string) =>
        Effect.flatMap(
          Effect.promise(() => bound(key, token, { htu: url.href })),
          (headers) => Effect.map(post(url, initialize(), headers), ({ status }) => status)
        )
      expect(yield* send(tokens.access_token)).toBe(200)
      const keys = yield* Effect.promise(async () => (await fetch(`${base}/oauth/jwks`)).json())
      expect(keys).toMatchObject({ keys: [{ kty: "EC", alg: "ES256" }] })
      // Loads the client of outbound requests, which refuses the address.
      const { authorizeUrl } = yield* manualClient(base, { client_id: "https://127.0.0.1:1/client.json" })
      const refused = yield* Effect.promise(() => fetch(authorizeUrl, { redirect: "manual" }))
      expect(refused.status).toBe(400)
      const { access_token: token, client_id } = tokens
      expect((yield* form(`${base}/oauth/revoke`, { token, client_id })).status).toBe(200)
      expect(yield* send(token)).toBe(401)
    })
  )

  test("reads no .env and runs no bunfig.toml of its working folder", async () => {
    await writeFile(join(folder, ".env"), "PORT=not-a-port\nLOG_LEVEL=nonsense\n")
    await writeFile(join(folder, "bunfig.toml"), 'preload = ["./hostile.ts"]\n')
    await writeFile(join(folder, "hostile.ts"), 'await Bun.write("owned", "yes")\nconsole.log("owned")\n')
    expect(await run("call", "echo", "--arg", "message=safe")).toEqual({
      stdout: "safe\n",
      stderr: "",
      code: 0
    })
    expect(await readdir(folder)).not.toContain("owned")
  })

  it.live(
    "reads and runs no file of an untrusted working folder",
    () =>
      Effect.gen(function* () {
        const foreign = yield* foreignFolder
        for (const cwd of [foreign.dir, foreign.inner]) {
          const child = Bun.spawn([binary, "prompt", "summarize", "--arg", "topic=tides"], {
            cwd,
            stdin: "ignore",
            stdout: "pipe",
            stderr: "pipe",
            env: { ...environment(), OPENAI_API_KEY: "sk-the-users-own-key" }
          })
          const [stdout, stderr] = yield* Effect.promise(() =>
            Promise.all([child.stdout.text(), child.stderr.text()])
          )
          expect(stderr).toBe("")
          expect(stdout).toContain("<topic>tides</topic>")
        }
        expect(foreign.harm()).toEqual([])
      }),
    30_000
  )
})
