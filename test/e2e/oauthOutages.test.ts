/** Outages of the database under the OAuth server: 503 at every step, nothing is lost, and each step works afterwards. */
import { expect } from "bun:test"
import { SQL } from "bun"
import { Database } from "bun:sqlite"
import { Effect } from "effect"
import { databases, hasPostgres, itPostgres, postgres, type StorageSettings } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { Browser, callback, form, manualClient, oauthService, password, withAlice } from "../support/oauth.ts"
import { initialize, post } from "../support/service.ts"
import { tcpProxy } from "../support/tcpProxy.ts"

const authorizationCode = (code: string | null, verifier: string, client_id: string) => ({
  grant_type: "authorization_code",
  code: code ?? "",
  code_verifier: verifier,
  client_id,
  redirect_uri: callback
})

itPostgres.live(
  "each step from the sign-in to a refresh answers 503 without the database, and works when it is back",
  () =>
    Effect.gen(function* () {
      const storage = yield* postgres
      const direct = new URL(storage.postgres_url)
      const proxy = yield* tcpProxy(Number(direct.port === "" ? 5432 : direct.port))
      direct.host = `127.0.0.1:${proxy.port}`
      const { accounts, base } = yield* oauthService({ dir: storage.dir, postgres_url: direct.href })
      yield* accounts.add({ name: "alice", password, scopes: ["read", "call"] })
      const { authorizeUrl, clientId, verifier } = yield* manualClient(base)
      const browser = new Browser()

      /** The request during an outage, and again after it. */
      const step = Effect.fnUntraced(function* (
        what: string,
        send: () => Promise<Response>,
        type: "text/html" | "application/json"
      ) {
        yield* proxy.stop
        const failed = yield* Effect.promise(send)
        const text = yield* Effect.promise(() => failed.text())
        expect([what, failed.status, failed.headers.get("retry-after")]).toEqual([what, 503, "5"])
        expect(failed.headers.get("content-type")).toStartWith(type)
        expect(failed.headers.get("location")).toBeNull()
        if (type === "application/json") {
          expect(JSON.parse(text)).toMatchObject({ error: "temporarily_unavailable" })
        } else {
          expect(text).toContain("<h1>")
        }
        // Neither address nor name of the database.
        expect(text).not.toMatch(/postgres|127\.0\.0\.1|manifold_test/i)
        yield* proxy.start
        // Connections that were cut fail once more.
        return yield* Effect.repeat(Effect.promise(send), { until: ({ status }) => status !== 503 })
      })
      const page = Effect.fnUntraced(function* (what: string, send: () => Promise<Response>) {
        const response = yield* step(what, send, "text/html")
        expect([what, response.status]).toEqual([what, 303])
        return new URL(response.headers.get("location") ?? "", base)
      })

      const signIn = yield* page("authorization", () => browser.fetch(authorizeUrl))
      const shown = yield* step("sign-in page", () => browser.fetch(signIn), "text/html")
      expect(yield* Effect.promise(() => shown.text())).toContain('name="password"')
      const account = { decision: "sign-in", account: "alice", password }
      const resumed = yield* page("sign-in", () => browser.post(signIn, account))
      const consent = yield* page("return to the authorization", () => browser.fetch(resumed))
      const allowed = yield* page("consent", () => browser.post(consent, { decision: "allow" }))
      const back = yield* page("end of the authorization", () => browser.fetch(allowed))
      expect(back.href).toStartWith(callback)

      const token = (body: Record<string, string>) => () =>
        fetch(`${base}/oauth/token`, { method: "POST", body: new URLSearchParams(body) })
      const tokens = Effect.fnUntraced(function* (what: string, body: Record<string, string>) {
        const response = yield* step(what, token(body), "application/json")
        expect([what, response.status]).toEqual([what, 200])
        return (yield* Effect.promise(() => response.json())) as Readonly<Record<string, string>>
      })
      const first = yield* tokens(
        "exchange",
        authorizationCode(back.searchParams.get("code"), verifier, clientId)
      )
      const refresh = {
        grant_type: "refresh_token",
        refresh_token: first["refresh_token"] ?? "",
        client_id: clientId
      }
      const second = yield* tokens("refresh", refresh)
      const introspect = { token: second["access_token"] ?? "", client_id: clientId }
      const send = (path: string) => () =>
        fetch(`${base}${path}`, { method: "POST", body: new URLSearchParams(introspect) })
      yield* step("introspection", send("/oauth/introspect"), "application/json")
      const authorization = `Bearer ${second["access_token"]}`
      expect((yield* post(new URL("/mcp", base), initialize(), { authorization })).status).toBe(200)
      yield* step("revocation", send("/oauth/revoke"), "application/json")
      expect((yield* post(new URL("/mcp", base), initialize(), { authorization })).status).toBe(401)
    }),
  30_000
)

/** Lets the database reject new access tokens, as if it failed in the middle of a request. */
const rejectTokens = async ({ dir, postgres_url }: StorageSettings) => {
  if (postgres_url === undefined) {
    const database = new Database(`${dir}/manifold.db`)
    database.run(`CREATE TRIGGER reject BEFORE INSERT ON oauth_records WHEN NEW.model = 'AccessToken'
      BEGIN SELECT RAISE(ABORT, 'rejected'); END`)
    return () => {
      database.run("DROP TRIGGER reject")
      database.close()
    }
  }
  const sql = new SQL(postgres_url, { max: 1 })
  await sql.unsafe(
    `CREATE OR REPLACE FUNCTION reject() RETURNS trigger AS $$ BEGIN RAISE 'rejected'; END $$ LANGUAGE plpgsql`
  )
  await sql.unsafe(`CREATE TRIGGER reject BEFORE INSERT ON oauth_records FOR EACH ROW
    WHEN (NEW.model = 'AccessToken') EXECUTE FUNCTION reject()`)
  return async () => {
    await sql.unsafe("DROP TRIGGER reject ON oauth_records")
    await sql.close()
  }
}

for (const [kind, database] of Object.entries(databases)) {
  const test = kind === "SQLite" || hasPostgres ? it.live : itPostgres.live
  test(`a code and a refresh token stay unused if their new tokens cannot be stored, on ${kind}`, () =>
    Effect.gen(function* () {
      const storage = yield* database
      const { base } = yield* withAlice(Effect.succeed(storage))
      const { authorizeUrl, clientId, verifier } = yield* manualClient(base)
      const back = yield* Effect.promise(() => new Browser().authorize(authorizeUrl))
      const exchange = (body: Record<string, string>) =>
        Effect.gen(function* () {
          const restore = yield* Effect.promise(() => rejectTokens(storage))
          const failed = yield* form(`${base}/oauth/token`, body)
          expect([failed.status, failed.body.error]).toEqual([503, "temporarily_unavailable"])
          yield* Effect.promise(async () => restore())
          const { body: tokens, status } = yield* form(`${base}/oauth/token`, body)
          expect(status).toBe(200)
          return tokens
        })
      const first = yield* exchange(authorizationCode(back.searchParams.get("code"), verifier, clientId))
      const second = yield* exchange({
        grant_type: "refresh_token",
        refresh_token: first.refresh_token,
        client_id: clientId
      })
      const authorization = `Bearer ${second.access_token}`
      expect((yield* post(new URL("/mcp", base), initialize(), { authorization })).status).toBe(200)
    }))
}
