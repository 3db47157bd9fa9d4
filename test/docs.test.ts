/** The code blocks of the README and of the pages in `docs/`, executed, and compared with the shown output. */
import { describe, expect, test } from "bun:test"
import { Effect, Layer } from "effect"
import { parse } from "yaml"
import { ConfigSource } from "../layers/config/ConfigSource.ts"
import { clients } from "../layers/clients/clients.ts"
import { sections } from "../src/program/sections.ts"
import { script } from "./support/chat.ts"
import * as chatFrames from "./support/chatFrames.ts"
import { local } from "./support/models.ts"
import { blocksOf, filesOf, pattern, root, select, shell } from "./support/codeBlocks.ts"
import * as configuration from "./support/configurationPage.ts"
import { it } from "./support/effect.ts"
import { home } from "./support/userHome.ts"
import { project } from "./support/libraryProject.ts"
import { endpoint, service } from "./support/service.ts"
import { anchorOf } from "./support/site/pages.ts"

const readme = await Bun.file(`${root}README.md`).text()
const manifest = (await Bun.file(`${root}package.json`).json()) as { scripts: Record<string, string> }

/** The text of every block of a language in the README, in order. */
const blocks = (language: string) => select(blocksOf(readme), language)

describe("README", () => {
  test("names only scripts that exist", () => {
    const named = [...readme.matchAll(/bun(?:@[\d.]+)? run ([a-z]+)/g)].map(([, name]) => name ?? "")
    expect(named.length).toBeGreaterThan(4)
    for (const name of named) expect(Object.keys(manifest.scripts)).toContain(name)
  })

  test("commands print the shown output", async () => {
    const commands = blocks("sh").filter((text) => text.includes("src/main.ts"))
    expect(commands.length).toBe(1)
    for (const text of commands) {
      const output = await shell(text)
      expect(output).toContain("math.add")
      expect(output).toContain("\n5\n")
      expect(output).toContain('"structuredContent":{"message":"hello"}')
    }
  }, 30_000)

  it.live("the curl request gets a response", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const [text] = blocks("sh").filter((block) => block.startsWith("curl"))
      const output = yield* Effect.promise(() =>
        shell((text ?? "").replace("http://127.0.0.1:8000/mcp", url.href))
      )
      expect(JSON.parse(output)).toMatchObject({ id: 0, result: { protocolVersion: "2025-06-18" } })
    }).pipe(Effect.provide(service()))
  )

  it.live("the library example serves its tool", () =>
    Effect.gen(function* () {
      const [text = ""] = blocks("ts")
      const user = yield* project({ "server.ts": text })
      const list = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" })
      const output = yield* Effect.promise(() => shell(`echo '${list}' | bun server.ts`, user.env, user.dir))
      expect(JSON.parse(output)).toMatchObject({ result: { tools: [{ name: "greet" }] } })
    })
  )

  for (const [index, text] of blocks("yaml").entries()) {
    it.effect(`configuration ${index + 1} is valid`, () =>
      Effect.flatMap(ConfigSource, ({ check }) => check(sections)).pipe(
        Effect.provide(ConfigSource.layerFrom(parse(text), { MANIFOLD_TOKEN: "x".repeat(40) }))
      )
    )
  }

  test("client configurations are JSON", () => {
    expect(blocks("json").length).toBeGreaterThan(0)
    for (const text of blocks("json")) JSON.parse(text)
  })
})

const token = "0123456789abcdef0123456789abcdef"

/** The pages, and the configuration of the service that their commands use. */
const pages: Readonly<Record<string, Record<string, unknown>>> = {
  "chat.md": {},
  "install.md": {},
  "clients.md": {},
  "stdio.md": {},
  "http.md": {},
  "sse.md": {},
  "websocket.md": {},
  "operating.md": {},
  "proxies.md": {
    server: { allowed_hosts: ["mcp.example.com"], trusted_proxies: ["127.0.0.1"] }
  },
  "certificates.md": {},
  "configuration.md": {},
  "limits.md": { limits: { tools: { echo: { rate: { calls: 1, window: "1 hour" } } } } },
  "decks.md": {},
  "fetch.md": {},
  "errors.md": {},
  "models.md": {},
  "upstreams.md": {},
  "usage.md": {},
  "audit.md": {},
  "administration.md": { auth: { tokens: [{ name: "admin", token, scopes: ["read", "call", "admin"] }] } },
  "rest.md": {},
  "edge.md": { auth: { tokens: [{ name: "admin", token, scopes: ["read", "call", "admin"] }] } },
  "identity.md": { auth: { tokens: [{ name: "admin", token, scopes: ["read", "call", "admin"] }] } },
  "oauth.md": { server: { public_url: "https://mcp.example.com" } },
  "security.md": { auth: { tokens: [{ name: "laptop", token }] } }
}

/** Files of installed clients, so that they are found. */
const used = { ".cursor/x": "", ".claude.json": "{}", ".config/Claude/x": "", ".config/Code/x": "" }

for (const [name, config] of Object.entries(pages)) {
  const file = Bun.file(`${root}docs/${name}`)

  it.live(
    `docs/${name}: commands print what is shown`,
    () =>
      Effect.gen(function* () {
        const { origin } = yield* endpoint
        const user = yield* home(used)
        const found = blocksOf(yield* Effect.promise(() => file.text()))
        for (const [index, { language, text }] of found.entries()) {
          if (language !== "sh") continue
          const commands = text
            .replaceAll("http://127.0.0.1:8000", origin)
            .replaceAll("ws://127.0.0.1:8000", origin.replace("http", "ws"))
          const output = yield* Effect.promise(() =>
            shell(commands, { ...user.env, MANIFOLD_TOKEN: token, PORT: "0" }, user.dir)
          )
          const after = found[index + 1]
          if (after?.language === "text") expect(output.trim()).toMatch(pattern(after.text))
        }
      }).pipe(
        Effect.provide(
          // The page on chat needs a model.
          Layer.unwrap(
            Effect.map(script(["It is 5."]), ({ url }) =>
              service(name === "chat.md" ? { llm: local(url) } : config)
            )
          )
        )
      ),
    30_000
  )

  it.effect(`docs/${name}: configurations are valid`, () =>
    Effect.gen(function* () {
      const text = yield* Effect.promise(() => file.text())
      for (const yaml of select(blocksOf(text), "yaml")) {
        yield* Effect.flatMap(ConfigSource, ({ check }) => check(sections)).pipe(
          Effect.provide(
            ConfigSource.layerFrom(parse(yaml), {
              MANIFOLD_TOKEN: token,
              MANIFOLD_AUDIT_KEY: token,
              OPENAI_API_KEY: "key",
              ANTHROPIC_API_KEY: "key",
              GROQ_API_KEY: "key",
              DATABASE_URL: "postgres://manifold@127.0.0.1/manifold",
              OTLP_TOKEN: `Bearer ${token}`,
              ISSUES_AUTHORIZATION: token,
              TRACKER_SECRET: token,
              OAUTH_SECRET: token,
              CERTIFICATE_SECRET: token,
              REPORTS_SECRET: token
            })
          )
        )
      }
    })
  )
}

const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...new Bun.Glob("docs/*.md").scanSync(root)
]

for (const name of documents) {
  test(`${name}: links lead to files and headings that exist`, async () => {
    const broken: Array<string> = []
    const text = await Bun.file(`${root}${name}`).text()
    for (const [, link = ""] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path = "", anchor] = link.split("#")
      const target = new URL(path === "" ? name : path, `file://${root}${path === "" ? "" : name}`).pathname
      const page = Bun.file(target)
      const headings = async () =>
        [...(await page.text()).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading))
      const isFound = (await page.exists()) && (anchor === undefined || (await headings()).includes(anchor))
      if (!isFound) broken.push(link)
    }
    expect(broken).toEqual([])
  })
}

test("source files that pages name exist", async () => {
  const files = [...new Bun.Glob("{src,layers,test}/**/*.ts").scanSync(root)]
  const missing: Array<string> = []
  for (const name of documents) {
    const page = await Bun.file(`${root}${name}`).text()
    // Those that the reader writes.
    const written = filesOf(blocksOf(page)).map(([file]) => file)
    for (const [, file = ""] of page.matchAll(/`([\w/]+\.ts)`/g)) {
      if (written.includes(file)) continue
      if (!files.some((each) => each === file || each.endsWith(`/${file}`))) missing.push(`${name}: ${file}`)
    }
  }
  expect(missing).toEqual([])
})

test("docs/decisions.md: the index at the top lists every decision, in order", async () => {
  const text = await Bun.file(`${root}docs/decisions.md`).text()
  const titles = [...text.matchAll(/^### (.+)$/gm)].map(([, title]) => title)
  const listed = [...text.matchAll(/^ {2}- \[(.+)\]\(#[^)]*\)$/gm)].map(([, title]) => title)
  expect(listed).toEqual(titles)
})

test("docs/chat.schema.json is the one that the schemas make", async () => {
  expect(await Bun.file(chatFrames.file).text()).toBe(chatFrames.document())
})

test("docs/configuration.md matches the schemas; run bun run docs", async () => {
  expect(await Bun.file(configuration.page).text()).toBe(configuration.configurationPage())
})

test("docs/clients.md shows the entry of each client", async () => {
  const sectionsOf = (await Bun.file(`${root}docs/clients.md`).text()).split(/^## /m)
  const launch = { command: "/usr/local/bin/manifold", args: ["serve"] }
  for (const client of clients) {
    const page = sectionsOf.find((text) => text.startsWith(client.title)) ?? ""
    expect(page).toContain(`manifold install ${client.id}`)
    const entries = [
      client.stdio(launch, {}),
      ...("http" in client ? [client.http("http://127.0.0.1:8000/mcp")] : [])
    ]
    expect(select(blocksOf(page), "json").map((text) => JSON.parse(text) as unknown)).toEqual(
      entries.map((manifold) => ({ [client.key]: { manifold } }))
    )
    expect(page).toContain(client.file({ home: "~", applications: "~/.config" }).join("/"))
  }
})
