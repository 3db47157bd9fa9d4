/** The command line, run as a user runs it. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "../../support/effect.ts"
import { manifold } from "../../support/stdio.ts"

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

describe("call", () => {
  it.live("takes arguments from the command line", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* manifold(["call", "math.add", "--arg", "a=2", "--arg", "b=3"])
      expect({ code, stdout }).toEqual({ code: 0, stdout: "5\n" })
    })
  )

  it.live("takes arguments from a file, and prints the whole result as JSON", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "params.json")
      yield* Effect.promise(() => writeFile(file, '{"a": 2, "b": 3}'))
      const { code, stdout } = yield* manifold(["call", "math.sub", file, "--json"])
      expect(code).toBe(0)
      expect(JSON.parse(stdout)).toEqual({
        content: [{ type: "text", text: "-1" }],
        structuredContent: { result: -1 }
      })
    })
  )

  it.live("takes arguments from standard input", () =>
    Effect.gen(function* () {
      const { stdout } = yield* manifold(["call", "echo", "-"], { stdin: '{"message": "from a pipe"}' })
      expect(stdout).toBe("from a pipe\n")
    })
  )

  it.live("takes as text what looks like a number, where the tool wants a text", () =>
    Effect.gen(function* () {
      for (const message of ["12", "true", "[1]"]) {
        const { stdout } = yield* manifold(["call", "echo", "--arg", `message=${message}`])
        expect(stdout).toBe(`${message}\n`)
      }
    })
  )

  it.live("takes an empty text, and one with equals signs in it", () =>
    Effect.gen(function* () {
      for (const message of ["", "a=b", "="]) {
        const { stdout } = yield* manifold(["call", "echo", "--arg", `message=${message}`, "--json"])
        expect(JSON.parse(stdout)).toMatchObject({ structuredContent: { message } })
      }
    })
  )

  it.live("says what is wrong and fails: an unknown tool, bad arguments, no such file, no JSON", () =>
    Effect.gen(function* () {
      const cases = [
        [["call", "absent"], "Unknown tool: absent"],
        [["call", "math.add", "--arg", "a=two"], "a: Expected number"],
        [["call", "math.add", "/absent.json"], "/absent.json"],
        [["call", "math.add", "-"], "must be a JSON object"]
      ] as const
      for (const [args, expected] of cases) {
        const { code, stderr, stdout } = yield* manifold(args)
        expect(code).not.toBe(0)
        expect(stdout).toBe("")
        expect(stderr).toContain(expected)
        expect(stderr).not.toContain(" at ") // a message for a person, no stack
      }
    })
  )
})

describe("list", () => {
  it.live("names tools and resources, also as JSON", () =>
    Effect.gen(function* () {
      const { stdout } = yield* manifold(["list", "tools"])
      expect(stdout).toContain("math.add")
      const { stdout: json } = yield* manifold(["list", "resources", "--json"])
      expect(JSON.parse(json)).toMatchObject([
        { uri: "health://ping" },
        { uriTemplate: "output://{client}/{project}/{file}" }
      ])
    })
  )
})

describe("serve", () => {
  it.live("refuses an address that others can reach while nobody must say who they are", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* manifold(["serve", "--http", "--host", "0.0.0.0", "--port", "0"])
      expect(code).not.toBe(0)
      expect(stderr).toContain("auth")
    })
  )

  it.live("names every problem of the configuration at once", () =>
    Effect.gen(function* () {
      const config = '{"server":{"port":"high","hots":"x"},"absent":{}}'
      const { code, stderr } = yield* manifold(["serve"], { env: { MCP_CONFIG_JSON: config } })
      expect(code).not.toBe(0)
      for (const problem of ["server.port", "server.hots", "absent"]) expect(stderr).toContain(problem)
    })
  )
})

it.live("--version and --help answer", () =>
  Effect.gen(function* () {
    expect((yield* manifold(["--version"])).stdout).toContain("0.1.0")
    const { stdout } = yield* manifold(["--help"])
    for (const name of ["serve", "call", "list"]) expect(stdout).toContain(name)
  })
)
