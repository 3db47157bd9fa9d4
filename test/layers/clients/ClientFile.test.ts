/** Configuration files of clients: located on every platform, validated, and replaced atomically. */
import { describe, expect } from "bun:test"
import { Effect, Exit, FileSystem, Layer, Path } from "effect"
import { TestClock } from "effect/testing"
import * as ClientFile from "../../../layers/clients/ClientFile.ts"
import { type Client, clients } from "../../../layers/clients/clients.ts"
import * as Places from "../../../layers/clients/clientPaths.ts"
import { mask, preview } from "../../../layers/clients/previewEntry.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Machine } from "../../../layers/platform/Machine.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { it } from "../../support/effect.ts"

const [desktop, code, cursor, vscode] = clients

const on = (os: string, variables: Record<string, string>) =>
  Layer.mergeAll(Platform.layer, Machine.layerTest({ os }), Environment.layerTest(variables))

describe("the location of", () => {
  const cases: ReadonlyArray<readonly [string, Record<string, string>, Client, string]> = [
    ["linux", { HOME: "/home/u" }, desktop, "/home/u/.config/Claude/claude_desktop_config.json"],
    ["linux", { HOME: "/home/u", XDG_CONFIG_HOME: "/x" }, vscode, "/x/Code/User/mcp.json"],
    ["linux", { HOME: "/home/u", XDG_CONFIG_HOME: "relative" }, vscode, "/home/u/.config/Code/User/mcp.json"],
    ["linux", { HOME: "/home/u" }, code, "/home/u/.claude.json"],
    ["linux", { HOME: "/home/u", CLAUDE_CONFIG_DIR: "/c" }, code, "/c/.claude.json"],
    ["linux", { HOME: "/home/u" }, cursor, "/home/u/.cursor/mcp.json"],
    [
      "darwin",
      { HOME: "/Users/u", XDG_CONFIG_HOME: "/x" },
      desktop,
      "/Users/u/Library/Application Support/Claude/claude_desktop_config.json"
    ],
    ["darwin", { HOME: "/Users/u" }, vscode, "/Users/u/Library/Application Support/Code/User/mcp.json"],
    ["win32", { USERPROFILE: "/u", APPDATA: "/roam" }, desktop, "/roam/Claude/claude_desktop_config.json"],
    ["win32", { USERPROFILE: "/u" }, vscode, "/u/AppData/Roaming/Code/User/mcp.json"],
    ["win32", { USERPROFILE: "/u" }, cursor, "/u/.cursor/mcp.json"]
  ]
  for (const [os, variables, client, expected] of cases) {
    it.effect(`${client.title} on ${os} with ${Object.keys(variables).join(", ")}`, () =>
      Effect.gen(function* () {
        expect(yield* Places.fileOf(client)).toBe(expected)
      }).pipe(Effect.provide(on(os, variables)))
    )
  }

  it.effect("the file of a project, if the client has one", () =>
    Effect.gen(function* () {
      const found = yield* Effect.forEach(clients, (client) => Places.fileOf(client, "/p"))
      expect(found).toEqual([undefined, "/p/.mcp.json", "/p/.cursor/mcp.json", "/p/.vscode/mcp.json"])
    }).pipe(Effect.provide(on("linux", { HOME: "/home/u" })))
  )

  it.effect("no file without a home", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(Places.fileOf(desktop))).toMatchObject({ reason: "homeless" })
    }).pipe(Effect.provide(on("linux", { HOME: "" })))
  )
})

/** Runs with a file in a temporary folder. */
const withFile = <A, E>(
  content: string | Uint8Array | undefined,
  body: (path: string) => Effect.Effect<A, E, FileSystem.FileSystem | Path.Path>
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = `${yield* fs.makeTempDirectoryScoped()}/mcp.json`
    if (typeof content === "string") yield* fs.writeFileString(path, content)
    else if (content) yield* fs.writeFile(path, content)
    return yield* body(path)
  }).pipe(Effect.provide(Platform.layer))

const entry = { command: "/opt/manifold", args: ["serve"] }

/** Reads, adds the entry and writes; returns the path of the backup. */
const add = Effect.fnUntraced(function* (path: string, client: Client = cursor) {
  const file = yield* ClientFile.read(client, path)
  return yield* ClientFile.write(file, yield* ClientFile.edit(client, file, "manifold", entry))
})

describe("writing", () => {
  it.effect("keeps the mode and a backup with a timestamp", () =>
    withFile('{"mcpServers":{}}', (path) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* fs.chmod(path, 0o640)
        yield* TestClock.setTime(0)
        const backup = yield* add(path)
        expect(backup).toEndWith("/mcp.json.backup-1970-01-01T00-00-00-000Z")
        expect(yield* fs.readFileString(backup ?? "")).toBe('{"mcpServers":{}}')
        expect((yield* fs.stat(path)).mode & 0o777).toBe(0o640)
        expect((yield* fs.stat(backup ?? "")).mode & 0o777).toBe(0o640)
        expect(yield* fs.readDirectory(path.replace("/mcp.json", ""))).toHaveLength(2)
      })
    )
  )

  it.effect("creates a private file without a backup", () =>
    withFile(undefined, (path) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        expect(yield* add(path)).toBeUndefined()
        expect((yield* fs.stat(path)).mode & 0o777).toBe(0o600)
        expect(JSON.parse(yield* fs.readFileString(path))).toEqual({ mcpServers: { manifold: entry } })
      })
    )
  )

  it.effect("follows links, also to a missing file", () =>
    withFile("{}", (path) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const [link, dangling] = [`${path}.link`, `${path}.dangling`]
        yield* fs.symlink(path, link)
        yield* fs.symlink("later.json", dangling)
        yield* add(link)
        yield* add(dangling)
        expect(yield* fs.readLink(link)).toBe(path)
        expect(yield* fs.readFileString(path)).toContain("/opt/manifold")
        expect(yield* fs.readLink(dangling)).toBe("later.json")
        expect(yield* fs.readFileString(path.replace("mcp.json", "later.json"))).toContain("/opt/manifold")
      })
    )
  )

  it.effect("follows no link out of a project, in any part of the path", () =>
    withFile("{}", (path) =>
      Effect.scoped(
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          const { dirname, join } = yield* Path.Path
          const outside = dirname(path)
          const project = yield* fs.makeTempDirectoryScoped()
          const at = (name: string) => join(project, name)
          yield* fs.symlink(path, at("file.json"))
          yield* fs.symlink(join(outside, "later.json"), at("dangling.json"))
          yield* fs.symlink(outside, at("folder"))
          yield* fs.symlink(join(outside, "later"), at("later"))
          yield* fs.symlink("b.json", at("a.json"))
          yield* fs.symlink("a.json", at("b.json"))
          for (const name of [
            "file.json",
            "dangling.json",
            "folder/mcp.json",
            "folder/new.json",
            "later/mcp.json"
          ]) {
            const error = yield* Effect.flip(ClientFile.read(cursor, at(name), project))
            expect(error).toMatchObject({ reason: "outside" })
            expect(error.message).toContain("Remove the link")
          }
          expect(yield* Effect.flip(ClientFile.read(cursor, at("a.json"), project))).toMatchObject({
            reason: "unreadable"
          })
          yield* fs.makeDirectory(at("inside"))
          yield* fs.symlink("inside", at("alias"))
          const { target } = yield* ClientFile.read(cursor, at("alias/mcp.json"), project)
          expect(target).toBe(join(yield* fs.realPath(project), "inside/mcp.json"))
          expect(yield* Effect.flip(ClientFile.read(cursor, at("inside")))).toMatchObject({
            reason: "unreadable",
            message: expect.stringContaining("not a regular file")
          })
        })
      )
    )
  )

  it.effect("keeps line ends, and drops a byte order mark, which Claude Desktop cannot read", () =>
    withFile('\uFEFF{\r\n\t"a": 1\r\n}\r\n', (path) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* add(path)
        const bytes = yield* fs.readFile(path)
        const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)
        expect(text).toStartWith('{\r\n\t"a": 1,\r\n\t"mcpServers": {\r\n\t\t"manifold": {\r\n')
        expect(text).toEndWith("\r\n\t}\r\n}\r\n")
      })
    )
  )

  it.effect("fails if the file was changed, removed or created meanwhile", () =>
    withFile("{}", (path) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const file = yield* ClientFile.read(cursor, path)
        const refused = Effect.flip(ClientFile.write(file, '{"lost": 1}'))
        yield* fs.writeFileString(path, '{"theirs": true}')
        expect(yield* refused).toMatchObject({ reason: "changed" })
        expect(yield* fs.readFileString(path)).toBe('{"theirs": true}')
        yield* fs.remove(path)
        expect(yield* refused).toMatchObject({ reason: "changed" })
        const absent = yield* ClientFile.read(cursor, path)
        yield* fs.writeFileString(path, "{}")
        expect(yield* Effect.flip(ClientFile.write(absent, "{}"))).toMatchObject({ reason: "changed" })
        // No temporary file or backup is left of a failed write.
        expect(yield* fs.readDirectory(path.replace("/mcp.json", ""))).toEqual(["mcp.json"])
      })
    )
  )

  it.effect("fails for a read-only file and a read-only folder", () =>
    withFile("{}", (path) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const folder = path.replace("/mcp.json", "")
        for (const place of [path, folder]) {
          const { mode } = yield* fs.stat(place)
          yield* fs.chmod(place, mode & 0o555)
          const error = yield* Effect.flip(add(path))
          expect(error).toMatchObject({ reason: "unwritable" })
          expect(error.message).toContain(`${place} is read-only`)
          yield* fs.chmod(place, mode)
        }
        expect(yield* fs.readFileString(path)).toBe("{}")
        expect(yield* fs.readDirectory(folder)).toEqual(["mcp.json"])
      })
    )
  )
})

describe("reading", () => {
  const refused: ReadonlyArray<
    readonly [name: string, content: string | Uint8Array, reason: string, said: string]
  > = [
    ["invalid JSON", '{\n  "mcpServers": {,}\n}', "malformed", "mcp.json:2:18: invalid JSON"],
    ["invalid UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), "malformed", "not valid UTF-8"],
    ["a list of servers", '{"mcpServers": []}', "misshapen", 'expected an object under "mcpServers"'],
    ["no object", '["mcpServers"]', "misshapen", "expected an object"],
    [
      "two lists",
      '{"mcpServers": {},\n"mcpServers": {}}',
      "misshapen",
      'mcp.json:2:1: duplicate key "mcpServers"'
    ]
  ]
  for (const [name, content, reason, said] of refused) {
    it.effect(`fails for ${name}, with the position`, () =>
      withFile(content, (path) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(ClientFile.read(cursor, path))
          expect(error).toMatchObject({ reason })
          expect(error.message).toContain(said)
          expect(error.message).toContain("Nothing was changed")
        })
      )
    )
  }

  it.effect("accepts comments only for clients that accept them", () =>
    withFile('{\n  // mine\n  "servers": {}\n}', (path) =>
      Effect.gen(function* () {
        expect(Exit.isSuccess(yield* Effect.exit(ClientFile.read(vscode, path)))).toBe(true)
        expect(yield* Effect.flip(ClientFile.read(code, path))).toMatchObject({ reason: "malformed" })
      })
    )
  )

  it.effect("fails for a folder", () =>
    withFile(undefined, (path) =>
      Effect.gen(function* () {
        yield* FileSystem.FileSystem.use((fs) => fs.makeDirectory(path))
        expect(yield* Effect.flip(ClientFile.read(code, path))).toMatchObject({ reason: "unreadable" })
      })
    )
  )
})

describe("an existing entry", () => {
  const theirs = { command: "old", args: [], env: { TOKEN: "secret" }, disabled: true }

  it.effect("keeps members of the user", () =>
    withFile(JSON.stringify({ mcpServers: { manifold: theirs } }), (path) =>
      Effect.gen(function* () {
        const file = yield* ClientFile.read(cursor, path)
        const merged = ClientFile.merge(theirs, { ...entry, env: { MCP_CONFIG_PATH: "/c.yaml" } })
        const text = yield* ClientFile.edit(cursor, file, "manifold", merged)
        expect(JSON.parse(text)).toEqual({
          mcpServers: {
            manifold: { ...theirs, ...entry, env: { TOKEN: "secret", MCP_CONFIG_PATH: "/c.yaml" } }
          }
        })
      })
    )
  )

  it.effect("drops members of the other transport", () =>
    Effect.sync(() => {
      expect(ClientFile.merge(theirs, { url: "http://x/mcp" })).toEqual({
        disabled: true,
        url: "http://x/mcp"
      })
      expect(ClientFile.merge({ url: "http://x/mcp", headers: {} }, entry)).toEqual(entry)
    })
  )

  it.effect("is shown without its secrets", () =>
    Effect.sync(() => {
      const shown = preview("manifold", theirs, { ...theirs, ...entry })
      expect(JSON.stringify(shown)).not.toContain("secret")
      expect(shown.filter(({ sign }) => sign !== " ").map(({ sign, text }) => sign + text)).toEqual([
        '-  "command": "old",',
        '-  "args": [],',
        '+  "command": "/opt/manifold",',
        '+  "args": [',
        '+    "serve"',
        "+  ],"
      ])
      expect(mask({ headers: { Authorization: "Bearer x" } })).toEqual({ headers: { Authorization: "…" } })
    })
  )
})
