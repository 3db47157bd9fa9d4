/** Path settings: `~`, relative to the configuration file, and never relative to the working folder. */
import { describe, expect } from "bun:test"
import { Effect, Redacted, Schema } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { PathSetting, RelativePathSetting } from "../../../layers/config/pathSettings.ts"
import { Secret } from "../../../layers/config/Secret.ts"
import * as Section from "../../../layers/config/Section.ts"
import { it } from "../../support/effect.ts"
import { given, type Given } from "./files.ts"

const section = Section.make(
  "s",
  Schema.Struct({
    dir: Schema.optionalKey(PathSetting("A folder.")),
    file: Section.optional(RelativePathSetting("A file."), "a.log", "A file."),
    token: Schema.optionalKey(Secret)
  }),
  { env: { S_DIR: { path: ["dir"], kind: "path" }, S_TOKEN: { path: ["token"], kind: "string" } } }
)

const read = (from: Given) =>
  ConfigSource.use((config) => config.read(section)).pipe(Effect.provide(given(from)))

const problem = (from: Given) =>
  Effect.map(Effect.flip(read(from)), ({ problems }) =>
    problems.map(({ message, path, source }) => `${path} (${source}): ${message.split(":")[0]}`)
  )

const yaml = (dir: string): Given => ({ files: { "manifold.yaml": `s: { dir: ${JSON.stringify(dir)} }` } })

describe("a path in the file", () => {
  for (const [written, resolved] of [
    ["/data", "/data"],
    ["~", "/home/user"],
    ["~/", "/home/user"],
    ["~/data/x", "/home/user/data/x"],
    ["data", "/u/manifold/data"],
    ["./data", "/u/manifold/data"],
    ["../data", "/u/data"],
    ["./~data", "/u/manifold/~data"],
    ["a~b", "/u/manifold/a~b"]
  ] as const) {
    it.effect(`that is ${JSON.stringify(written)} resolves to ${resolved}`, () =>
      Effect.gen(function* () {
        expect((yield* read(yaml(written))).dir).toBe(resolved)
      })
    )
  }

  it.effect("is relative to the folder of the configuration file", () =>
    Effect.gen(function* () {
      const from: Given = {
        files: { "/etc/m/a.yaml": "s: { dir: data, token: file:t }", "/etc/m/t": "secret\n" },
        env: { MCP_CONFIG_PATH: "/etc/m/a.yaml" }
      }
      const { dir, token } = yield* read(from)
      expect(dir).toBe("/etc/m/data")
      expect(token && Redacted.value(token)).toBe("secret")
    })
  )

  it.effect("of another user's home, or without a home, is a problem", () =>
    Effect.gen(function* () {
      expect(yield* problem(yaml("~root/x"))).toEqual([
        "s.dir (/u/manifold/manifold.yaml:1:11): ~name is not supported"
      ])
      expect(yield* problem({ ...yaml("~/x"), env: { HOME: "" } })).toEqual([
        "s.dir (/u/manifold/manifold.yaml:1:11): ~ requires a home folder"
      ])
    })
  )
})

describe("a relative path outside a file is a problem", () => {
  const at = (place: string) => `${place}: expected an absolute path or one under ~/`

  it.effect("in a variable, even if there is a file", () =>
    Effect.gen(function* () {
      const expected = [at("s.dir (S_DIR)")]
      expect(yield* problem({ env: { S_DIR: "data" } })).toEqual(expected)
      expect(yield* problem({ ...yaml("/x"), env: { S_DIR: "./data" } })).toEqual(expected)
      expect((yield* read({ env: { S_DIR: "~/data" } })).dir).toBe("/home/user/data")
      expect((yield* read({ ...yaml("/x"), env: { S_DIR: "/data" } })).dir).toBe("/data")
    })
  )

  it.effect("in inline JSON, including the file of a secret", () =>
    Effect.gen(function* () {
      const env = { MCP_CONFIG_JSON: '{"s":{"dir":"data","token":"file:t"}}' }
      expect(yield* problem({ env })).toEqual([
        at("s.dir (MCP_CONFIG_JSON)"),
        at("s.token (MCP_CONFIG_JSON)")
      ])
    })
  )
})

it.effect("a path relative to another folder is unchanged, except for ~", () =>
  Effect.gen(function* () {
    const file = (text: string) =>
      Effect.map(read({ files: { "manifold.yaml": text } }), (settings) => settings.file)
    expect(yield* file("s: {}")).toBe("a.log")
    expect(yield* file("s: { file: logs/b.log }")).toBe("logs/b.log")
    expect(yield* file("s: { file: ~/b.log }")).toBe("/home/user/b.log")
  })
)
