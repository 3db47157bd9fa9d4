/** `get_logs`: the newest lines of memory or of rotated files, for administrators only, bounded and without secrets. */
import { describe, expect } from "bun:test"
import { appendFile, mkdir } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { stateFolder } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { bearer } from "../../support/rest.ts"
import { endpoint, post, readJson, service, stateless } from "../../support/service.ts"

const admin = "admin-0123456789abcdef0123456789abcdef"
const user = "user-0123456789abcdef0123456789abcdef0"
const auth = {
  tokens: [
    { name: "admin", token: admin, scopes: ["read", "call", "admin"] },
    { name: "user", token: user }
  ]
}

const call = (args: unknown, token = admin) =>
  Effect.flatMap(endpoint, (url) => {
    const message = stateless(1, "tools/call", { name: "get_logs", arguments: args })
    return Effect.flatMap(post(url, message.body, { ...message.headers, ...bearer(token) }), readJson)
  })

interface Found {
  readonly lines: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly source: string
  readonly complete: boolean
}

const logs = (args: unknown = {}) =>
  Effect.map(call(args), ({ result }) => {
    expect(result).toHaveProperty("structuredContent")
    return (result as { readonly structuredContent: Found }).structuredContent
  })

const line = (second: number, level: string, message: string, more = "") =>
  `{"timestamp":"2026-01-01T00:00:${String(second).padStart(2, "0")}.000Z","level":"${level}","message":"${message}"${more}}\n`

/** A log of three files: seconds 0 to 9 are in the oldest, 20 to 29 in the current one. */
const rotated = Effect.gen(function* () {
  const dir = yield* stateFolder
  yield* Effect.promise(async () => {
    await mkdir(join(dir, "logs"))
    for (const [age, name] of ["app.log.2", "app.log.1", "app.log"].entries()) {
      for (let second = age * 10; second < age * 10 + 10; second++) {
        await appendFile(
          join(dir, "logs", name),
          line(second, second % 2 === 0 ? "info" : "error", `event ${second}`)
        )
      }
    }
  })
  return dir
})

const served = (config: Record<string, unknown>) => Layer.build(service({ auth, ...config }))

describe("get_logs", () => {
  it.live("returns the newest lines of memory, at least as severe as the level", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        yield* Effect.logInfo("tea is ready")
        yield* Effect.logError("the kettle is empty")
        yield* Effect.logInfo(`password=hunter22 \n{"level":"fatal"}`)
        const found = yield* logs({ lines: 100, level: "ERROR" })
        expect(found).toMatchObject({ source: "memory", complete: true })
        expect(found.lines.map(({ message }) => message)).toEqual(["the kettle is empty"])
        expect((yield* logs({ text: "TEA" })).lines).toMatchObject([
          { level: "info", message: "tea is ready" }
        ])
        const all = JSON.stringify(yield* logs())
        expect(all).not.toContain("hunter22")
        expect(all).toContain("password=<redacted>")
        expect((yield* logs({ level: "fatal" })).lines).toEqual([])
      }).pipe(Effect.provide(yield* served({ logging: { level: "info" } })))
    })
  )

  it.live("follows rotated files back, and finds text in linear time", () =>
    Effect.gen(function* () {
      const dir = yield* rotated
      yield* Effect.gen(function* () {
        const file = join(dir, "logs", "app.log")
        yield* Effect.promise(() => appendFile(file, `not json\n{"level":"error"}\n`))
        const events = (args: unknown) =>
          Effect.map(logs(args), ({ lines }) => lines.map(({ message }) => String(message)))
        const numbered = (...seconds: ReadonlyArray<number>) => seconds.map((second) => `event ${second}`)
        expect(yield* events({ text: "event", lines: 3 })).toEqual(numbered(27, 28, 29))
        expect(yield* events({ text: "event", lines: 12, level: "error" })).toEqual(
          numbered(7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29)
        )
        expect(yield* events({ text: "event 4" })).toEqual(numbered(4))
        expect(yield* events({ text: "event", since: "2026-01-01T00:00:28Z" })).toEqual(numbered(28, 29))
        expect(yield* events({ text: "event", since: "1 minute" })).toEqual([])

        const long = `${"a".repeat(300_000)}!`
        yield* Effect.promise(() => appendFile(file, line(40, "info", long)))
        yield* Effect.promise(() => appendFile(file, `${"x".repeat(3_000_000)}\n${line(41, "info", "last")}`))
        const began = performance.now()
        expect((yield* logs({ text: "(a+)+$" })).lines).toEqual([])
        expect(performance.now() - began).toBeLessThan(5000)
        expect(yield* events({ text: "last" })).toEqual(["last"])
        expect(yield* events({ text: "event 0" })).toEqual(numbered(0))
      }).pipe(
        Effect.provide(
          yield* served({ storage: { dir }, logging: { level: "error", file: "logs/app.log", keep: 2 } })
        )
      )
    })
  )

  it.live("masks secrets that others wrote to the file, and returns at most 1 MiB", () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      yield* Effect.promise(() =>
        appendFile(join(dir, "app.log"), line(1, "info", "x", `,"api_key":"abc123"`))
      )
      const big = Array.from({ length: 300 }, (_, index) => line(index % 60, "info", "y".repeat(8000)))
      yield* Effect.gen(function* () {
        expect((yield* logs({ text: "api_key" })).lines).toMatchObject([{ api_key: "<redacted>" }])
        yield* Effect.promise(() => appendFile(join(dir, "app.log"), big.join("")))
        const found = yield* logs({ lines: 1e9 })
        expect(found.complete).toBe(false)
        expect(JSON.stringify(found).length).toBeLessThan(1.1 * 1024 * 1024)
      }).pipe(
        Effect.provide(yield* served({ storage: { dir }, logging: { level: "error", file: "app.log" } }))
      )
    })
  )

  it.live("rejects invalid arguments, and does not exist for others", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        for (const args of [
          { lines: -1 },
          { lines: 0 },
          { lines: 1.5 },
          { level: "x" },
          { text: "" },
          { text: "x".repeat(300) }
        ]) {
          expect({ args, ...(yield* call(args)) }).toMatchObject({ args, result: { isError: true } })
        }
        expect(yield* call({ since: "soon" })).toMatchObject({ result: { isError: true } })
        expect(yield* call({}, user)).toMatchObject({
          error: { code: -32602, message: expect.stringContaining("get_logs") }
        })
      }).pipe(Effect.provide(yield* served({})))
    })
  )
})
