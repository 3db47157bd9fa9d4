/** `manifold call`, `list`, `serve`, `--help` and `--version` as processes. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "../../support/effect.ts"
import { program } from "../../support/program.ts"
import { manifold } from "../../support/stdio.ts"

/** Runs a command in a shell with its output redirected. */
const redirected = (args: string, redirection: string) =>
  Effect.promise(async () => {
    const child = Bun.spawn(["bash", "-c", `"$@" ${args} ${redirection}`, "bash", ...program], {
      env: process.env,
      stdout: "ignore",
      stderr: "pipe"
    })
    const [stderr, code] = await Promise.all([new Response(child.stderr).text(), child.exited])
    return { stderr, code }
  })

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

describe("manifold call", () => {
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

  it.live("passes a value that looks like JSON as text if the schema expects a string", () =>
    Effect.gen(function* () {
      for (const message of ["12", "true", "[1]"]) {
        const { stdout } = yield* manifold(["call", "echo", "--arg", `message=${message}`])
        expect(stdout).toBe(`${message}\n`)
      }
    })
  )

  it.live("accepts an empty value and a value with equals signs", () =>
    Effect.gen(function* () {
      for (const message of ["", "a=b", "="]) {
        const { stdout } = yield* manifold(["call", "echo", "--arg", `message=${message}`, "--json"])
        expect(JSON.parse(stdout)).toMatchObject({ structuredContent: { message } })
      }
    })
  )

  it.live("explains an unknown tool, invalid arguments, a missing file and invalid JSON", () =>
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
        expect(stderr).not.toContain(" at ") // no stack trace
      }
    })
  )
})

describe("the exit code is 1", () => {
  it.live("if the tool's result has an error, which is printed on standard error", () =>
    Effect.gen(function* () {
      const url = "url=http://nowhere.invalid/"
      const { code, stderr, stdout } = yield* manifold(["call", "web.fetch_url", "--arg", url])
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
      expect(stderr).toStartWith("manifold: web.fetch_url: ")
      const json = yield* manifold(["call", "web.fetch_url", "--arg", url, "--json"])
      expect(json.code).toBe(1)
      expect(JSON.parse(json.stdout)).toHaveProperty("structuredContent.error")
    })
  )

  it.live("if the output cannot be written, with one line on standard error", () =>
    Effect.gen(function* () {
      for (const args of ["call echo --arg message=x", "list tools", "config schema", "--help"]) {
        const { code, stderr } = yield* redirected(args, "> /dev/full")
        expect([args, code]).toEqual([args, 1])
        expect(stderr).toBe("manifold: Cannot write to standard output: disk full\n")
      }
    })
  )
})

describe("an unknown name", () => {
  it.live("is reported with a suggestion and the command that lists all names", () =>
    Effect.gen(function* () {
      for (const args of [
        ["call", "math.ad"],
        ["list", "tools", "math.ad"]
      ]) {
        const { code, stderr } = yield* manifold(args)
        expect(code).toBe(2)
        expect(stderr).toBe(
          "manifold: Unknown tool: math.ad. Did you mean math.add? Run `manifold list tools` to see all of them\n"
        )
      }
      const { stderr } = yield* manifold(["prompt", "sumarize"])
      expect(stderr).toContain("summarize?")
    })
  )
})

describe("manifold list with a name", () => {
  it.live("shows the name, type, requirement and description of each argument", () =>
    Effect.gen(function* () {
      const { stdout } = yield* manifold(["list", "tools", "web.fetch_url"])
      expect(stdout).toMatch(/^web\.fetch_url\n/)
      expect(stdout).toMatch(/^ {2}url +string +required; An http or https URL/m)
      expect(stdout).toMatch(/^ {2}max_chars +integer +optional; /m)
      const json = yield* manifold(["list", "tools", "math.add", "--json"])
      expect(JSON.parse(json.stdout)).toMatchObject({ name: "math.add", inputSchema: { type: "object" } })
      expect((yield* manifold(["list", "tools", "health_check"])).stdout).toContain("No arguments.")
      expect((yield* manifold(["list", "prompts", "summarize"])).stdout).toMatch(
        /^ {2}topic +string +required/m
      )
    })
  )
})

describe("manifold list", () => {
  it.live("lists tools and resources, also as JSON", () =>
    Effect.gen(function* () {
      const { stdout } = yield* manifold(["list", "tools"])
      expect(stdout).toContain("math.add")
      const { stdout: json } = yield* manifold(["list", "resources", "--json"])
      expect(JSON.parse(json)).toMatchObject([
        { uri: "health://ping" },
        { uri: "usage://summary" },
        { uriTemplate: "output://{client}/{project}/{file}" }
      ])
    })
  )
})

describe("manifold serve", () => {
  it.live("rejects a public address without authentication", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* manifold(["serve", "--http", "--host", "0.0.0.0", "--port", "0"])
      expect(code).not.toBe(0)
      expect(stderr).toContain("auth")
    })
  )

  it.live("reports every problem of the configuration at once", () =>
    Effect.gen(function* () {
      const config = '{"server":{"port":"high","hots":"x"},"absent":{}}'
      const { code, stderr } = yield* manifold(["serve"], { env: { MCP_CONFIG_JSON: config } })
      expect(code).not.toBe(0)
      for (const problem of ["server.port", "server.hots", "absent"]) expect(stderr).toContain(problem)
    })
  )
})

it.live("--version prints the version, and --help lists the commands", () =>
  Effect.gen(function* () {
    expect((yield* manifold(["--version"])).stdout).toContain("0.1.0")
    const { stdout } = yield* manifold(["--help"])
    for (const name of ["serve", "call", "list"]) expect(stdout).toContain(name)
  })
)
