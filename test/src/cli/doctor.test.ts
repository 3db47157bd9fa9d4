/** `manifold doctor`, run as a user runs it, on installations that are well and ones that are not; and single checks. */
import { describe, expect, test } from "bun:test"
import { Deferred, Effect, Fiber, FileSystem, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { chmod, readdir } from "node:fs/promises"
import { Listener } from "../../../layers/http/Listener.ts"
import { Machine } from "../../../layers/platform/Machine.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { examine, fail, ok } from "../../../src/cli/doctor/Check.ts"
import { clock } from "../../../src/cli/doctor/clock.ts"
import { runtime } from "../../../src/cli/doctor/runtime.ts"
import { certificateFiles, machine as platform, possible } from "../../support/certificate.ts"
import { it } from "../../support/effect.ts"
import { home } from "../../support/userHome.ts"
import { describeRedis, redisServer } from "../../support/redis.ts"
import { service } from "../../support/service.ts"

const Findings = Schema.fromJsonString(
  Schema.Array(Schema.Struct({ check: Schema.String, status: Schema.String, message: Schema.String }))
)

/** The user's configuration file, in a home. */
const usual = ".config/manifold/manifold.yaml"

/** Runs it with a free port, but for what is given. */
const examined = Effect.fnUntraced(function* (
  files: Record<string, string> = {},
  variables: Record<string, string> = {},
  prepare: (dir: string) => Promise<void> = () => Promise.resolve()
) {
  const user = yield* home(files)
  yield* Effect.promise(() => prepare(user.dir))
  const { code, stdout } = yield* user.run(["doctor", "--json"], { PORT: "0", ...variables })
  const findings = yield* Schema.decodeEffect(Findings)(stdout)
  const of = (check: string) => findings.filter((finding) => finding.check === check)
  return { code, of, stdout, user, failed: findings.filter(({ status }) => status === "fail") }
})

describe("an installation that is well", () => {
  it.live(
    "has one line for each finding, without colour in a pipe, and is left as it was",
    () =>
      Effect.gen(function* () {
        const user = yield* home()
        const { code, stderr, stdout } = yield* user.run(["doctor"], { PORT: "0" })
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
        for (const line of stdout.trim().split("\n")) expect(line).toMatch(/^(ok {2}|warn) {2}\S/)
        expect(stdout).toMatch(/starts, and lists \d+ tools/)
        expect(yield* Effect.promise(() => readdir(user.dir))).toEqual([])
      }),
    20_000
  )

  it.live(
    "shows which providers have a key, and no key",
    () =>
      Effect.gen(function* () {
        const secret = "sk-very-secret-0123456789"
        const { of, stdout } = yield* examined(
          {},
          { OPENAI_API_KEY: secret, GROQ_API_KEY: "", ANTHROPIC_API_KEY: `${secret}\n` }
        )
        expect(of("provider keys").map(({ message }) => message)).toEqual([
          "OPENAI_API_KEY is set",
          "ANTHROPIC_API_KEY is set, with spaces or other characters that no key has: set it again",
          "GROQ_API_KEY is not set"
        ])
        expect(stdout).not.toContain("secret")
      }),
    20_000
  )
})

describe("what is wrong is found:", () => {
  it.live(
    "a template of the operator's, with its place",
    () =>
      Effect.gen(function* () {
        const { code, of, user } = yield* examined(
          { [usual]: "templates:\n  dir: ~/templates\n" },
          {},
          async (dir) => void (await Bun.write(`${dir}/templates/summarize.sqrl`, "\n{{ it.topik }}"))
        )
        expect(code).toBe(0)
        expect(of("prompts")).toEqual([
          {
            check: "prompts",
            status: "warn",
            message: `${user.path("templates/summarize.sqrl")}:2: there is no variable "topik"; did you mean "topic"? (until that is corrected, the program's own is used)`
          }
        ])
      }),
    20_000
  )

  it.live(
    "a configuration, with all its problems, and the rest is looked at all the same",
    () =>
      Effect.gen(function* () {
        const { code, of } = yield* examined({
          [usual]: "server:\n  hots: x\nlogging:\n  level: loud\n"
        })
        expect(code).toBe(1)
        const problems = of("configuration").map(({ message }) => message)
        expect(problems).toHaveLength(2)
        expect(problems.join("\n")).toContain("manifold.yaml:2:3")
        expect(of("port")).toEqual([
          { check: "port", ...fail("the address cannot be told until the configuration is right") }
        ])
        expect(of("storage")[0]).toMatchObject({ status: "ok" })
        expect(of("stdio server")).toMatchObject([{ status: "fail" }])
        expect(of("stdio server")[0]?.message).toContain("2 problems")
      }),
    20_000
  )

  it.live(
    "a configuration that is no YAML at all",
    () =>
      Effect.gen(function* () {
        const { code, of } = yield* examined({ [usual]: "server: [\n" })
        expect(code).toBe(1)
        expect(of("configuration")[0]).toMatchObject({ status: "fail" })
        expect(of("storage")).toMatchObject([{ status: "fail" }])
        expect(of("runtime")).toMatchObject([{ status: "ok" }])
      }),
    20_000
  )

  it.live(
    "a port that another program has",
    () =>
      Effect.gen(function* () {
        const other = yield* Effect.acquireRelease(
          Effect.sync(() =>
            Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("hello") })
          ),
          (server) => Effect.promise(() => server.stop(true))
        )
        const { code, of } = yield* examined({}, { PORT: String(other.port) })
        expect(code).toBe(1)
        expect(of("port")).toMatchObject([{ status: "fail" }])
        expect(of("port")[0]?.message).toContain(`port ${other.port} is taken by another program`)
      }),
    20_000
  )

  for (const [name, config] of [
    ["ourselves", {}],
    [
      "ourselves behind a token",
      { auth: { tokens: [{ name: "me", token: "x".repeat(40), scopes: ["read"] }] } }
    ]
  ] as const) {
    it.live(
      `but not a port that ${name} have`,
      () =>
        Effect.gen(function* () {
          const { port } = yield* Listener
          const { code, of } = yield* examined({}, { PORT: String(port) })
          expect(of("port")).toEqual([
            { check: "port", ...ok(`manifold serves http://127.0.0.1:${port}/mcp already`) }
          ])
          expect(code).toBe(0)
        }).pipe(Effect.provide(service(config))),
      20_000
    )
  }

  test.skipIf(!possible)(
    "but not a port that ourselves have over TLS, and how long the certificate is valid",
    () =>
      Effect.gen(function* () {
        const tls = yield* certificateFiles(30)
        yield* Effect.gen(function* () {
          const { port } = yield* Listener
          const config = JSON.stringify({ server: { tls, port } })
          const { of } = yield* examined({}, { PORT: "", MCP_CONFIG_JSON: config })
          expect(of("port")).toEqual([
            { check: "port", ...ok(`manifold serves https://127.0.0.1:${port}/mcp already`) }
          ])
          expect(of("certificate")[0]).toMatchObject({ status: "ok" })
        }).pipe(Effect.provide(service({ server: { tls } })))
        const ends = yield* certificateFiles(2)
        const { of } = yield* examined({}, { MCP_CONFIG_JSON: JSON.stringify({ server: { tls: ends } }) })
        expect(of("certificate")[0]).toMatchObject({ status: "warn" })
        expect(of("certificate")[0]?.message).toContain("renew it")
      }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise),
    30_000
  )

  it.live(
    "an address that others can reach, without a token",
    () =>
      Effect.gen(function* () {
        const { code, of } = yield* examined({}, { HOST: "0.0.0.0" })
        expect(code).toBe(1)
        expect(of("port")[0]?.message).toContain("without authentication")
      }),
    20_000
  )

  it.live(
    "keys that others could read, and state that is no folder",
    () =>
      Effect.gen(function* () {
        const { code, of, user } = yield* examined(
          { "state/keys/request-state": "x".repeat(32) },
          { MANIFOLD_STORAGE_DIR: "~/state" },
          (dir) =>
            chmod(`${dir}/state/keys`, 0o700).then(() => chmod(`${dir}/state/keys/request-state`, 0o644))
        )
        expect(code).toBe(1)
        const file = user.path("state/keys/request-state")
        expect(of("storage").at(-1)).toEqual({
          check: "storage",
          ...fail(`others may use ${file} (mode 644): chmod 600 '${file}'`)
        })
        const blocked = yield* examined({ state: "a file" }, { MANIFOLD_STORAGE_DIR: "~/state" })
        expect(blocked.of("storage")).toMatchObject([
          { status: "fail", message: expect.stringContaining("is no folder: move it, or set storage.dir") }
        ])
      }),
    20_000
  )

  it.live(
    "a client that starts what is gone, and one whose file is no JSON",
    () =>
      Effect.gen(function* () {
        const { code, of } = yield* examined({
          ".cursor/mcp.json": JSON.stringify({
            mcpServers: { manifold: { command: "/gone/manifold", args: ["serve"] } }
          }),
          ".claude.json": "{"
        })
        expect(code).toBe(0)
        const said = of("clients").map(({ message, status }) => `${status} ${message}`)
        expect(said[0]).toBe("ok Claude Desktop was not found")
        expect(said[1]).toMatch(/^warn Claude Code: .*\.claude\.json:1:2: not JSON/)
        expect(said[2]).toBe("warn Cursor starts /gone/manifold, which is gone: manifold install cursor")
      }),
    20_000
  )

  it.live(
    "a client that lets Bun read files of the working folder, as earlier versions wrote it",
    () =>
      Effect.gen(function* () {
        const main = new URL("../../../src/main.ts", import.meta.url).pathname
        const { of } = yield* examined({
          ".cursor/mcp.json": JSON.stringify({
            mcpServers: { manifold: { command: process.execPath, args: [main, "serve"] } }
          })
        })
        const said = of("clients").map(({ message, status }) => `${status} ${message}`)
        expect(said[2]).toBe(
          "warn Cursor lets Bun read .env, bunfig.toml and tsconfig.json of the folder in which it is started: manifold install cursor"
        )
      }),
    20_000
  )
})

it.live(
  "a Redis that is away is found, and its password is not shown",
  () =>
    Effect.gen(function* () {
      const { code, of, stdout } = yield* examined({
        [usual]: "storage:\n  redis_url: redis://:hidden-password@127.0.0.1:1\n"
      })
      expect(code).toBe(1)
      expect(of("redis")).toMatchObject([{ status: "fail" }])
      expect(stdout).not.toContain("hidden-password")
    }),
  20_000
)

describeRedis("with a Redis", () => {
  it.live(
    "that is there, all is well",
    () =>
      Effect.gen(function* () {
        const { url } = yield* redisServer()
        const { code, of } = yield* examined({ [usual]: `storage:\n  redis_url: ${url}\n` })
        expect(of("redis")).toMatchObject([{ status: "ok" }])
        expect(code).toBe(0)
      }),
    20_000
  )
})

describe("a check", () => {
  it.effect("that hangs is a finding", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(examine({ name: "slow", run: Effect.never }))
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject([{ check: "slow", status: "fail" }])
    })
  )

  it.effect("that fails or dies is a finding of one line", () =>
    Effect.gen(function* () {
      expect(yield* examine({ name: "a", run: Effect.fail("broken\n  badly") })).toEqual([
        { check: "a", ...fail("broken badly") }
      ])
      expect(yield* examine({ name: "b", run: Effect.die("gone") })).toEqual([
        { check: "b", ...fail("gone") }
      ])
    })
  )

  it.effect("that is interrupted stays so", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const run = Effect.andThen(Deferred.succeed(started, undefined), Effect.never)
      const fiber = yield* Effect.forkChild(examine({ name: "x", run }))
      yield* Deferred.await(started)
      yield* Fiber.interrupt(fiber)
      expect((yield* Fiber.await(fiber))._tag).toBe("Failure")
    })
  )

  for (const [bun, status] of [
    ["1.4.4", "fail"],
    ["1.3.9", "fail"],
    ["0.9.9", "fail"],
    ["1.4.5", "ok"],
    ["1.4.6-canary.1", "ok"],
    ["1.10.0", "ok"],
    ["2.0.0", "ok"]
  ] as const) {
    it.effect(`of the runtime: Bun ${bun} is ${status}`, () =>
      Effect.gen(function* () {
        expect(yield* runtime.run).toMatchObject([{ status }])
      }).pipe(Effect.provide(Machine.layerTest({ bun, compiled: false })))
    )
  }

  it.effect("of the clock: a machine that thinks it is 1970", () =>
    Effect.gen(function* () {
      const file = yield* FileSystem.FileSystem.use((fs) => fs.makeTempFileScoped())
      const machine = Machine.layerTest({ launch: { command: file, args: [] } })
      const found = yield* Effect.provide(clock.run, machine)
      expect(found).toMatchObject([{ status: "fail" }])
      yield* TestClock.setTime(Date.UTC(2100, 0))
      expect(yield* Effect.provide(clock.run, machine)).toMatchObject([{ status: "ok" }])
    }).pipe(Effect.provide(Layer.mergeAll(Platform.layer)))
  )
})
