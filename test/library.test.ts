/** The examples of `docs/library.md`, executed as one project of a library user. */
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { blocksOf, filesOf, pattern, root, select, shell } from "./support/codeBlocks.ts"
import { it } from "./support/effect.ts"
import { project } from "./support/libraryProject.ts"

const text = await Bun.file(`${root}docs/library.md`).text()
const page = blocksOf(text)
const files = Object.fromEntries(filesOf(page))

/** Each command with its shown output, if there is one. */
const commands = page.flatMap(({ language, text: script }, index) => {
  if (language !== "sh") return []
  const after = page[index + 1]
  return [{ script, shown: after?.language === "text" ? after.text : undefined }]
})
/** Installation needs a registry; `bun run package` tests it. */
const isInstall = (script: string) => script.startsWith("bun add")
const isServer = (script: string) => script.includes("bun http.ts")
const isRequest = (script: string) => script.startsWith("curl")

test("every file has a name, and imports and commands refer to existing files", () => {
  expect(Object.keys(files)).not.toContain("")
  expect(Object.keys(files).length).toBe(select(page, "ts").length)
  const named = Object.values(files).flatMap((source) =>
    Array.from(source.matchAll(/from "\.\/([^"]+)"/g), ([, name = ""]) => name)
  )
  const run = commands.flatMap(({ script }) =>
    Array.from(script.matchAll(/bun (\w+\.ts)/g), ([, name = ""]) => name)
  )
  for (const name of [...named, ...run]) expect(Object.keys(files)).toContain(name)
})

test("a server has at most 25 lines", () => {
  expect(files["server.ts"]?.trim().split("\n").length).toBeLessThanOrEqual(26)
})

test("the version of effect is that of the package", async () => {
  const { dependencies } = (await Bun.file(`${root}package.json`).json()) as {
    dependencies: { effect: string }
  }
  expect(text).toContain(`effect@${dependencies.effect}\n`)
})

describe("commands print the shown output", () => {
  for (const { script, shown } of commands) {
    if (isInstall(script) || isServer(script) || isRequest(script)) continue
    it.live(script.trim().split("\n").at(-1) ?? "", () =>
      Effect.gen(function* () {
        const user = yield* project(files)
        const output = yield* Effect.promise(() => shell(script, user.env, user.dir))
        if (shown !== undefined) expect(output.trim()).toMatch(pattern(shown))
      })
    )
  }

  it.live("the HTTP server accepts the request with its token", () =>
    Effect.gen(function* () {
      const user = yield* project(files)
      const start = commands.find(({ script }) => isServer(script))
      const request = commands.find(({ script }) => isRequest(script))
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          Bun.spawn(["bash", "-euc", `bun() { exec "${process.execPath}" "$@"; }\n${start?.script}`], {
            cwd: user.dir,
            env: { ...process.env, ...user.env, PORT: "0" },
            stdout: "ignore",
            stderr: "pipe"
          })
        ),
        (started) => Effect.promise(() => (started.kill(), started.exited))
      )
      const origin = yield* Effect.promise(async () => {
        let said = ""
        for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
          said += chunk
          const found = /at (http:\S+)\/mcp\./.exec(said)?.[1]
          if (found !== undefined) return found
        }
        throw new Error(said)
      })
      const curl = (script: string) =>
        Effect.promise(() => shell(script.replace("http://127.0.0.1:8000", origin), user.env, user.dir))
      expect(yield* curl(request?.script ?? "")).toMatch(pattern(request?.shown ?? ""))
      expect(yield* curl((request?.script ?? "").replace("Bearer 0", "Bearer 1"))).toContain("401")
    })
  )
})

test("links lead to existing pages", async () => {
  const links = Array.from(text.matchAll(/\]\(([\w./]+)\)/g), ([, link = ""]) => link)
  expect(links.length).toBeGreaterThan(3)
  for (const link of links) {
    expect({ link, exists: await Bun.file(`${root}docs/${link}`).exists() }).toEqual({ link, exists: true })
  }
})
