/** `manifold token` as a process: create, list, revoke, mistakes; and two services on one PostgreSQL. */
import { describe, expect } from "bun:test"
import { Effect, Schema } from "effect"
import { databases, itPostgres, postgres, type StorageSettings } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { post, stateless } from "../../support/service.ts"
import { servingProcess } from "../../support/servingProcess.ts"
import { home } from "../../support/userHome.ts"

const usual = ".config/manifold/manifold.yaml"

const Created = Schema.fromJsonString(
  Schema.Struct({ id: Schema.String, name: Schema.String, token: Schema.String })
)
const Listed = Schema.fromJsonString(
  Schema.Array(Schema.Struct({ name: Schema.String, status: Schema.String, source: Schema.String }))
)

const configured = (storage: StorageSettings, more: Record<string, unknown> = {}) => ({
  [usual]: JSON.stringify({ storage, ...more })
})

describe("manifold token", () => {
  for (const [kind, database] of Object.entries(databases)) {
    const onDatabase = kind === "SQLite" ? it : itPostgres
    onDatabase.live(
      `creates, lists and revokes tokens, on ${kind}`,
      () =>
        Effect.gen(function* () {
          const storage = yield* database
          const auth = { tokens: [{ name: "configured", token: "x".repeat(40) }] }
          const { run } = yield* home(configured(storage, { auth }))
          const plain = yield* run(["token", "create", "ci", "--expires", "90 days"])
          expect(plain.code).toBe(0)
          expect(plain.stdout).toMatch(/^mcpt_[\w-]+\n$/)
          expect(plain.stderr).toContain("It is shown only now")
          expect(plain.stderr).not.toContain("mcpt_")
          const { stdout } = yield* run(["token", "create", "viewer", "--scopes", "mcp:read", "--json"])
          const viewer = yield* Schema.decodeEffect(Created)(stdout)
          expect((yield* run(["token", "list"])).stdout).toMatch(
            /^configured +configured +read,call\nviewer +\w{12} +active +read +last use never\nci +\w{12} +active until \d{4}-\d\d-\d\d +read,call +last use never\n$/
          )
          expect((yield* run(["token", "revoke", viewer.id])).stdout).toBe(
            "Revoked viewer. Running services reject it within a second.\n"
          )
          const all = yield* Schema.decodeEffect(Listed)(
            (yield* run(["token", "list", "--json", "--all"])).stdout
          )
          expect(all.map(({ name, status }) => [name, status])).toEqual([
            ["configured", "active"],
            ["viewer", "revoked"],
            ["ci", "active"]
          ])
          expect((yield* run(["token", "list", "--all"])).stdout).toContain("revoked")
        }),
      30_000
    )
  }

  it.live(
    "says what is wrong and what to do, and never prints the token again",
    () =>
      Effect.gen(function* () {
        const storage = yield* databases.SQLite
        const { run } = yield* home(configured(storage))
        const made = yield* run(["token", "create", "ci"])
        for (const [args, code, message] of [
          [["create", "ci"], 1, "An active token has the name ci. Revoke it, or choose another name."],
          [["create", "no spaces"], 2, "name: Expected 1 to 64 letters, digits and ._@-"],
          [["create", "x", "--scopes", "raed"], 2, 'did you mean "read"?'],
          [["create", "x", "--expires", "soon"], 2, "--expires soon: write a date such as 2027-01-31"],
          [["create", "x", "--expires", "2020-01-01"], 1, "expires_at must be in the future"],
          [["create", "x", "--concurrency", "0"], 2, "limits.concurrency"],
          [["create", "x", "--cost-daily-max", "-1"], 2, "cost"],
          [["revoke", "nobody"], 2, "To see them: manifold token list"],
          [["revoke", made.stdout.trim()], 2, "No active token has this id or name"]
        ] as const) {
          const failed = yield* run(["token", ...args])
          expect([args[0], args[1], failed.code]).toEqual([args[0], args[1], code])
          expect(failed.stderr).toContain(message)
          expect(failed.stdout + failed.stderr).not.toContain("mcpt_")
        }
      }),
    30_000
  )

  it.live(
    "shows the operator which database cannot be reached, without its password",
    () =>
      Effect.gen(function* () {
        const { dir } = yield* databases.SQLite
        const { run } = yield* home(
          configured({ dir, postgres_url: "postgres://me:hidden@127.0.0.1:1/none" })
        )
        const failed = yield* run(["token", "list"])
        expect(failed.code).toBe(1)
        expect(failed.stderr).toContain(
          "manifold: PostgreSQL at 127.0.0.1:1/none cannot be reached: start it"
        )
        expect(failed.stderr).not.toContain("hidden")
      }),
    20_000
  )

  it.live(
    "a stored token lets the service listen for other machines, where no caller is anonymous",
    () =>
      Effect.gen(function* () {
        const storage = yield* databases.SQLite
        const { run } = yield* home(configured(storage))
        const serve = ["serve", "--http", "--host", "0.0.0.0", "--port", "0"]
        const refused = yield* run(serve)
        expect(refused.code).toBe(1)
        expect(refused.stderr).toContain("manifold token create")
        const { stdout } = yield* run(["token", "create", "me"])
        const url = yield* serving(storage, ["--host", "0.0.0.0"])
        const { body, headers } = stateless(1, "tools/call", { name: "math.add", arguments: { a: 1, b: 2 } })
        expect((yield* post(url, body, headers)).status).toBe(401)
        const withToken = { ...headers, authorization: `Bearer ${stdout.trim()}` }
        expect((yield* post(url, body, withToken)).status).toBe(200)
      }),
    30_000
  )

  it.live(
    "manifold doctor reports tokens that expire soon or were created with another pepper",
    () =>
      Effect.gen(function* () {
        const storage = yield* databases.SQLite
        const { run } = yield* home(configured(storage))
        yield* run(["token", "create", "short", "--expires", "2 days"])
        const lines = (yield* run(["doctor"], { PORT: "0" })).stdout
        expect(lines).toMatch(/warn {2}tokens +the API token short expires on .*`manifold token create`/)
        const other = yield* home(configured(storage, { auth: { token_pepper: "p".repeat(32) } }))
        expect((yield* other.run(["doctor"], { PORT: "0" })).stdout).toMatch(
          /warn {2}tokens +1 API token was created with another pepper/
        )
      }),
    30_000
  )
})

/** A service as a process; its URL. */
const serving = (storage: StorageSettings, flags: ReadonlyArray<string> = []) =>
  Effect.map(servingProcess({ config: { storage }, flags }), ({ url }) => url)

itPostgres.live(
  "two services on one PostgreSQL accept a new token at once, and reject a revoked one within a second",
  () =>
    Effect.gen(function* () {
      const storage = yield* postgres
      const { run } = yield* home(configured(storage))
      const urls = [yield* serving(storage), yield* serving(storage)]
      const { stdout } = yield* run(["token", "create", "shared"])
      const { body, headers } = stateless(1, "tools/call", { name: "math.add", arguments: { a: 1, b: 2 } })
      const call = (url: URL) =>
        Effect.map(
          post(url, body, { ...headers, authorization: `Bearer ${stdout.trim()}` }),
          ({ status }) => status
        )
      for (const url of urls) expect(yield* call(url)).toBe(200)
      const streams = yield* Effect.forEach(urls, (url) =>
        Effect.promise(() =>
          fetch(new URL("/stream", url), { headers: { authorization: `Bearer ${stdout.trim()}` } })
        )
      )
      // The command ends after the revocation is stored.
      yield* run(["token", "revoke", "shared"])
      const revoked = performance.now()
      for (const response of streams) {
        expect(yield* Effect.promise(() => response.text())).toContain("the credential is revoked")
      }
      for (const url of urls) yield* Effect.repeat(call(url), { until: (status) => status === 401 })
      expect(performance.now() - revoked).toBeLessThan(1000)
    }),
  60_000
)
