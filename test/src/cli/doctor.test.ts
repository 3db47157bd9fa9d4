/** `manifold doctor` as a process, on healthy and broken installations; and single checks. */
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

/** The user's configuration file, relative to the home folder. */
const usual = ".config/manifold/manifold.yaml"

/** Runs `manifold doctor` in a home with these files and variables; the port is free by default. */
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

describe("in a healthy installation, manifold doctor", () => {
  it.live(
    "prints one line per finding without colors, and changes no file",
    () =>
      Effect.gen(function* () {
        const user = yield* home()
        const { code, stderr, stdout } = yield* user.run(["doctor"], { PORT: "0" })
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
        for (const line of stdout.trim().split("\n")) expect(line).toMatch(/^(ok {2}|warn) {2}\S/)
        expect(stdout).toMatch(/starts and lists \d+ tools/)
        expect(yield* Effect.promise(() => readdir(user.dir))).toEqual([])
      }),
    20_000
  )

  it.live(
    "reports which providers have a key, without showing a key",
    () =>
      Effect.gen(function* () {
        const secret = "sk-very-secret-0123456789"
        const { of, stdout } = yield* examined(
          {},
          { OPENAI_API_KEY: secret, GROQ_API_KEY: "", ANTHROPIC_API_KEY: `${secret}\n` }
        )
        expect(of("provider keys")).toMatchObject([
          { status: "ok", message: "OPENAI_API_KEY is set" },
          { status: "warn", message: expect.stringMatching(/^ANTHROPIC_API_KEY contains/) },
          { status: "ok", message: "GROQ_API_KEY is not set" }
        ])
        expect(stdout).not.toContain("secret")
      }),
    20_000
  )
})

describe("manifold doctor reports", () => {
  it.live(
    "an invalid template of the operator, with file and line",
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
            message: `${user.path("templates/summarize.sqrl")}:2: unknown variable "topik"; did you mean "topic"? (the built-in template is used until this is fixed)`
          }
        ])
      }),
    20_000
  )

  it.live(
    "every problem of the configuration, and still runs the other checks",
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
          { check: "port", ...fail("cannot check the address until the configuration is valid") }
        ])
        expect(of("storage")[0]).toMatchObject({ status: "ok" })
        expect(of("stdio server")).toMatchObject([{ status: "fail" }])
        expect(of("stdio server")[0]?.message).toContain("2 problems")
      }),
    20_000
  )

  it.live(
    "a configuration file that is not YAML",
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
    "a port that another program uses",
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
        expect(of("port")[0]?.message).toContain(`port ${other.port} is in use`)
      }),
    20_000
  )

  for (const [name, config] of [
    ["without authentication", {}],
    ["with authentication", { auth: { tokens: [{ name: "me", token: "x".repeat(40), scopes: ["read"] }] } }]
  ] as const) {
    it.live(
      `no problem with a port that manifold ${name} uses`,
      () =>
        Effect.gen(function* () {
          const { port } = yield* Listener
          const { code, of } = yield* examined({}, { PORT: String(port) })
          expect(of("port")).toEqual([
            { check: "port", ...ok(`manifold already serves http://127.0.0.1:${port}/mcp`) }
          ])
          expect(code).toBe(0)
        }).pipe(Effect.provide(service(config))),
      20_000
    )
  }

  test.skipIf(!possible)(
    "no problem with a port that manifold uses over TLS, and a certificate that expires soon",
    () =>
      Effect.gen(function* () {
        const tls = yield* certificateFiles(30)
        yield* Effect.gen(function* () {
          const { port } = yield* Listener
          const config = JSON.stringify({ server: { tls, port } })
          const { of } = yield* examined({}, { PORT: "", MCP_CONFIG_JSON: config })
          expect(of("port")).toEqual([
            { check: "port", ...ok(`manifold already serves https://127.0.0.1:${port}/mcp`) }
          ])
          expect(of("certificate")[0]).toMatchObject({ status: "ok" })
        }).pipe(Effect.provide(service({ server: { tls } })))
        const expiring = yield* certificateFiles(2)
        const { of } = yield* examined({}, { MCP_CONFIG_JSON: JSON.stringify({ server: { tls: expiring } }) })
        expect(of("certificate")[0]).toMatchObject({ status: "warn" })
        expect(of("certificate")[0]?.message).toContain("renew it")
      }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise),
    30_000
  )

  it.live(
    "a public address without authentication",
    () =>
      Effect.gen(function* () {
        const { code, of } = yield* examined({}, { HOST: "0.0.0.0" })
        expect(code).toBe(1)
        expect(of("port")[0]?.message).toContain("without authentication")
      }),
    20_000
  )

  it.live(
    "keys that other users can read, and a state folder that is a file",
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
          ...fail(`other users have permissions on ${file} (mode 644): chmod 600 '${file}'`)
        })
        const blocked = yield* examined({ state: "a file" }, { MANIFOLD_STORAGE_DIR: "~/state" })
        expect(blocked.of("storage")).toMatchObject([
          { status: "fail", message: expect.stringContaining("storage.dir") }
        ])
      }),
    20_000
  )

  it.live(
    "a client entry that starts a missing file, and a client file that is not JSON",
    () =>
      Effect.gen(function* () {
        const { code, of } = yield* examined({
          ".cursor/mcp.json": JSON.stringify({
            mcpServers: { manifold: { command: "/gone/manifold", args: ["serve"] } }
          }),
          ".claude.json": "{"
        })
        expect(code).toBe(0)
        const lines = of("clients").map(({ message, status }) => `${status} ${message}`)
        expect(lines[0]).toBe("ok Claude Desktop was not found")
        expect(lines[1]).toMatch(/^warn Claude Code: .*\.claude\.json:1:2: invalid JSON/)
        expect(lines[2]).toBe(
          "warn Cursor starts /gone/manifold, which does not exist. To fix it: manifold install cursor"
        )
      }),
    20_000
  )

  it.live(
    "a client entry of an earlier version, which lets Bun read files of the working folder",
    () =>
      Effect.gen(function* () {
        const main = new URL("../../../src/main.ts", import.meta.url).pathname
        const { of } = yield* examined({
          ".cursor/mcp.json": JSON.stringify({
            mcpServers: { manifold: { command: process.execPath, args: [main, "serve"] } }
          })
        })
        const lines = of("clients").map(({ message, status }) => `${status} ${message}`)
        expect(lines[2]).toMatch(/^warn Cursor .*bunfig\.toml.*: manifold install cursor$/)
      }),
    20_000
  )
})

it.live(
  "manifold doctor reports an unreachable Redis without showing its password",
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

describeRedis("with a reachable Redis, manifold doctor", () => {
  it.live(
    "reports no problem",
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

describe("a doctor check", () => {
  it.effect("that does not finish in time becomes a failed finding", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(examine({ name: "slow", run: Effect.never }))
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject([{ check: "slow", status: "fail" }])
    })
  )

  it.effect("that fails or dies becomes a failed finding on one line", () =>
    Effect.gen(function* () {
      expect(yield* examine({ name: "a", run: Effect.fail("broken\n  badly") })).toEqual([
        { check: "a", ...fail("broken badly") }
      ])
      expect(yield* examine({ name: "b", run: Effect.die("gone") })).toEqual([
        { check: "b", ...fail("gone") }
      ])
    })
  )

  it.effect("that is interrupted stays interrupted", () =>
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
    it.effect(`of the runtime returns ${status} for Bun ${bun}`, () =>
      Effect.gen(function* () {
        expect(yield* runtime.run).toMatchObject([{ status }])
      }).pipe(Effect.provide(Machine.layerTest({ bun, compiled: false })))
    )
  }

  it.effect("of the clock fails on a machine whose date is 1970", () =>
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
