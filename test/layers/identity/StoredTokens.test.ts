/** Stored API tokens: their text, verification, lists, bounds, revocation, and two instances over one database. */
import { describe, expect, test } from "bun:test"
import { Context, Effect, Exit, Layer, Redacted, Schema } from "effect"
import fc from "fast-check"
import { Audit } from "../../../layers/audit/Audit.ts"
import { Authenticator } from "../../../layers/identity/Authenticator.ts"
import { StoredTokens } from "../../../layers/identity/StoredTokens.ts"
import { NewToken } from "../../../layers/identity/tokens/StoredToken.ts"
import { parse } from "../../../layers/identity/tokens/tokenText.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { Storage } from "../../../layers/storage/Storage.ts"
import { Principal } from "../../../src/domain/Principal.ts"
import { storedRows } from "../../support/audit.ts"
import { onEachDatabase } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { authenticate, create, instanceOf, rejection } from "../../support/storedTokens.ts"

const form = /^mcpt_[A-Za-z0-9]{12}_[A-Za-z0-9_-]{43}[0-9a-z]{7}$/
const example = "mcpt_E8uMnxqdxQ1c_W_Tc0SwrM9g-1p09vGdyBGP5Kz2uEvAAQadEimbOkzw0lik63q"

describe("the text of a token", () => {
  test("is recognized with its prefix, length and checksum only", () => {
    expect(parse(example)).toEqual({
      id: "E8uMnxqdxQ1c",
      secret: "W_Tc0SwrM9g-1p09vGdyBGP5Kz2uEvAAQadEimbOkzw"
    })
    const others = [
      "",
      "mcpt_",
      example.slice(0, -1),
      `${example}0`,
      example.toUpperCase(),
      example.replace("mcpt_", "mcpx_"),
      example.replace("W_Tc", "W_Td"),
      `${example}é`,
      ` ${example}`,
      `${example}\n`
    ]
    for (const other of others) expect([other, parse(other)]).toEqual([other, undefined])
  })

  test("one wrong character is noticed without a lookup", () => {
    const character = fc.constantFrom(..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    fc.assert(
      fc.property(fc.nat(example.length - 1), character, (at, other) => {
        fc.pre(example[at] !== other)
        expect(parse(example.slice(0, at) + other + example.slice(at + 1))).toBeUndefined()
      })
    )
  })
})

onEachDatabase("stored tokens", (database) => {
  /** Runs the test with one instance. */
  const alone = <A, E>(
    name: string,
    run: Effect.Effect<A, E, Audit | Authenticator | StoredTokens | Sql | Storage>,
    auth: Readonly<Record<string, unknown>> = {}
  ) =>
    it.live(name, () => Effect.flatMap(database, (storage) => Effect.provide(run, instanceOf(storage, auth))))

  alone(
    "a token authenticates its subject with its scopes, and only its hash is stored",
    Effect.gen(function* () {
      const made = yield* create({
        name: "ci",
        subject: "alice",
        scopes: ["mcp:read", "call:math.*"],
        ceiling: ["read", "call"],
        limits: { calls_per_minute: 5, cost_daily_max: 1 }
      })
      expect(made.text).toMatch(form)
      const { expiresAt, principal } = yield* authenticate(made.text)
      expect(expiresAt).toBe(Infinity)
      expect(principal).toMatchObject({
        subject: "alice",
        clientId: "ci",
        scopes: ["read", "call:math.*"],
        ceiling: ["read", "call"],
        source: "api-token",
        limits: { calls_per_minute: 5, cost_daily_max: 1 }
      })
      const stored = yield* (yield* Sql).read((sql) => sql`SELECT * FROM api_tokens`)
      const secret = parse(made.text)?.secret ?? ""
      expect(
        JSON.stringify(stored, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))
      ).not.toContain(secret)
    })
  )

  alone(
    "an unknown id, another secret, a wrong checksum and a revoked token are rejected alike",
    Effect.gen(function* () {
      const [one, other] = [yield* create({ name: "one" }), yield* create({ name: "other" })]
      const { revoke } = yield* StoredTokens
      yield* authenticate(one.text)
      expect(yield* revoke(one.id ?? "", "operator")).toMatchObject({
        status: "revoked",
        revoked_by: "operator"
      })
      expect(yield* rejection(one.text)).toBe("invalid")
      expect(yield* rejection(other.text.replace(/.$/, (last) => (last === "0" ? "1" : "0")))).toBe("invalid")
      expect(yield* rejection(example)).toBe("invalid")
      yield* authenticate(other.text)
    })
  )

  alone(
    "an expired token is rejected as expired, and gives its name to the next one",
    Effect.gen(function* () {
      const soon = new Date(Date.now() + 300).toISOString()
      const made = yield* create({ name: "short", expires_at: soon })
      yield* Effect.repeat(Effect.exit(authenticate(made.text)), { until: Exit.isFailure })
      expect(yield* rejection(made.text)).toBe("expired")
      const next = yield* create({ name: "short" })
      yield* authenticate(next.text)
      const past = yield* Effect.flip(create({ name: "past", expires_at: "2020-01-01" }))
      expect(past).toMatchObject({ reason: "expired" })
    })
  )

  alone(
    "names are unique among active tokens and those of the configuration",
    Effect.gen(function* () {
      const { list, revoke } = yield* StoredTokens
      yield* create({ name: "ci" })
      expect(yield* Effect.flip(create({ name: "ci" }))).toMatchObject({ reason: "taken" })
      expect(yield* Effect.flip(create({ name: "configured" }))).toMatchObject({ reason: "taken" })
      yield* revoke("ci", "operator")
      yield* create({ name: "ci" })
      expect(yield* Effect.flip(revoke("nobody", "operator"))).toMatchObject({ reason: "not_found" })
      for (const text of [
        "'; DROP TABLE api_tokens",
        "ci\u0000",
        "\ud800",
        "",
        "x".repeat(1000),
        "__proto__"
      ]) {
        expect(yield* Effect.flip(revoke(text, "operator"))).toMatchObject({ reason: "not_found" })
        expect(yield* Effect.flip(list({ limit: 1, cursor: text }))).toMatchObject({ reason: "not_found" })
      }
    }),
    { tokens: [{ name: "configured", token: "x".repeat(40) }] }
  )

  alone(
    "tokens are listed in pages, after those of the configuration",
    Effect.gen(function* () {
      const { list, revoke } = yield* StoredTokens
      for (const name of ["a", "b", "c"]) yield* create({ name })
      yield* revoke("b", "operator")
      const first = yield* list({ limit: 2 })
      const second = yield* list({ limit: 2, cursor: first.next })
      expect(second.next).toBeUndefined()
      const shown = [...first.tokens, ...second.tokens].map(({ name, source, status }) => [
        name,
        source,
        status
      ])
      expect(shown[0]).toEqual(["configured", "configuration", "active"])
      expect(shown.slice(1).toSorted()).toEqual([
        ["a", "stored", "active"],
        ["b", "stored", "revoked"],
        ["c", "stored", "active"]
      ])
      expect(yield* Effect.flip(list({ limit: 2, cursor: "nothing" }))).toMatchObject({ reason: "not_found" })
    }),
    { tokens: [{ name: "configured", token: "x".repeat(40) }] }
  )

  alone(
    "an administrator grants no scope that it does not have",
    Effect.gen(function* () {
      const { create: createAs } = yield* StoredTokens
      const by = new Principal({
        subject: "eve",
        clientId: "eve",
        scopes: ["read", "admin"],
        ceiling: ["read", "admin", "call:math.*"],
        source: "api-token"
      })
      const ask = (request: typeof NewToken.Encoded) =>
        Effect.flatMap(Schema.decodeEffect(NewToken)(request), (decoded) =>
          createAs(decoded, { principal: by, requestId: "r1" })
        )
      expect(yield* Effect.flip(ask({ name: "usual" }))).toMatchObject({ reason: "forbidden" })
      expect(
        yield* Effect.flip(ask({ name: "all", scopes: ["read"], ceiling: ["read", "call"] }))
      ).toMatchObject({
        reason: "forbidden"
      })
      const { about } = yield* ask({ name: "narrow", scopes: ["read", "call:math.add"] })
      expect(about).toMatchObject({ created_by: "eve", scopes: ["read", "call:math.add"] })
    })
  )

  alone(
    "every creation, revocation and refusal is in the audit log, without a secret",
    Effect.gen(function* () {
      const { create: createAs, revoke } = yield* StoredTokens
      const by = {
        principal: new Principal({
          subject: "eve",
          clientId: "app",
          scopes: ["admin"],
          ceiling: ["read", "admin"],
          source: "oauth"
        }),
        requestId: "r1"
      }
      const made = yield* create({ name: "ci", scopes: ["read"] })
      yield* Effect.flip(createAs({ name: "more" }, by))
      yield* revoke("ci", by)
      yield* Effect.flip(revoke(made.text, by))
      const { flush } = yield* Audit
      yield* flush
      const rows = yield* storedRows
      const about = { subject: "eve", client: "app", source: "oauth", request_id: "r1" }
      expect(rows).toHaveLength(4)
      for (const row of [
        { subject: "operator", source: "cli", action: "token.create", target: made.id, outcome: "succeeded" },
        { ...about, action: "token.revoke", target: made.id, outcome: "succeeded" },
        { ...about, action: "token.create", target: "more", outcome: "refused" },
        { ...about, action: "token.revoke", target: "", outcome: "refused" }
      ]) {
        expect(rows).toContainEqual(expect.objectContaining(row))
      }
      expect(JSON.stringify(rows)).not.toContain("mcpt_")
    })
  )

  alone(
    "concurrent requests never create more tokens than configured",
    Effect.gen(function* () {
      const attempt = (index: number) =>
        Effect.exit(create({ name: `t${index}`, subject: index % 2 === 0 ? "even" : `s${index}` }))
      const exits = yield* Effect.forEach(
        Array.from({ length: 12 }, (_, index) => index),
        attempt,
        {
          concurrency: "unbounded"
        }
      )
      const made = exits.flatMap((exit) => (exit._tag === "Success" ? [exit.value] : []))
      expect(made.length).toBe(5)
      expect(made.filter(({ subject }) => subject === "even").length).toBeLessThanOrEqual(2)
      expect(yield* Effect.flip(create({ name: "more" }))).toMatchObject({ reason: "too_many" })
      yield* (yield* StoredTokens).revoke(made[0]?.name ?? "", "operator")
      yield* create({ name: "more" })
    }),
    { max_stored_tokens: { subject: 2, total: 5 } }
  )

  it.live("an instance sees the tokens and the revocations of another one within a second", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const one = yield* Layer.build(instanceOf(storage))
      const other = yield* Layer.build(instanceOf(storage))
      const made = yield* Effect.provideContext(create({ name: "shared" }), one)
      const grant = yield* Effect.provideContext(authenticate(made.text), other)
      const ended = Promise.withResolvers<string>()
      Context.get(other, Authenticator).follow(grant, { ended: ended.resolve })
      yield* Effect.provideContext(authenticate(made.text), other)
      const begun = performance.now()
      yield* Context.get(one, StoredTokens).revoke("shared", "operator")
      expect(yield* Effect.promise(() => ended.promise)).toBe("revoked")
      expect(performance.now() - begun).toBeLessThan(1000)
      expect(yield* Effect.provideContext(rejection(made.text), other)).toBe("invalid")
    })
  )

  it.live(
    "of concurrent requests for one name on two instances one succeeds, and each revocation is recorded once",
    () =>
      Effect.gen(function* () {
        const storage = yield* database
        const [one, other] = [
          yield* Layer.build(instanceOf(storage)),
          yield* Layer.build(instanceOf(storage))
        ]
        const onBoth = <A, E>(run: Effect.Effect<A, E, StoredTokens>) =>
          Effect.forEach(
            [one, other, one, other, one, other],
            (instance) => Effect.exit(Effect.provideContext(run, instance)),
            { concurrency: "unbounded" }
          )
        const made = yield* onBoth(create({ name: "one" }))
        expect(made.filter(Exit.isSuccess)).toHaveLength(1)
        for (const exit of made.filter(Exit.isFailure)) {
          expect(exit.cause.reasons).toMatchObject([{ error: { _tag: "TokenError", reason: "taken" } }])
        }
        yield* onBoth(StoredTokens.use(({ revoke }) => revoke("one", "operator")))
        const rows = yield* Effect.provideContext(storedRows, one)
        expect(
          rows.filter(({ action, outcome }) => action === "token.revoke" && outcome === "succeeded")
        ).toHaveLength(1)
      })
  )

  it.live("an instance with another pepper rejects the token; auth.token_pepper makes it the same", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const pepper = { token_pepper: "p".repeat(32) }
      const made = yield* Effect.provide(create({ name: "mine" }), instanceOf(storage, pepper))
      expect(yield* Effect.provide(rejection(made.text), instanceOf(storage))).toBe("invalid")
      const { principal } = yield* Effect.provide(authenticate(made.text), instanceOf(storage, pepper))
      expect(principal.subject).toBe("mine")
    })
  )

  it.live("the use of a token is recorded", () =>
    Effect.gen(function* () {
      const storage = yield* database
      yield* Effect.gen(function* () {
        const { list } = yield* StoredTokens
        const made = yield* create({ name: "used" })
        yield* authenticate(made.text)
        const lastUse = Effect.map(list({ limit: 1 }), ({ tokens }) => tokens[0]?.last_used_at ?? null)
        const recorded = yield* Effect.repeat(lastUse, { until: (time) => time !== null })
        expect(Date.parse(recorded ?? "")).toBeGreaterThan(Date.now() - 10_000)
      }).pipe(Effect.provide(instanceOf(storage)))
    })
  )
})

describe("a database that cannot be reached", () => {
  it.live("makes the verification unavailable, and administration says what to do without an address", () =>
    Effect.gen(function* () {
      const storage = { dir: "/dev/null/manifold", postgres_url: "postgres://postgres@127.0.0.1:1/none" }
      yield* Effect.gen(function* () {
        expect(yield* rejection(example)).toBe("VerifierUnavailable")
        expect(yield* rejection(example.replace("W_Tc", "W_Td"))).toBe("invalid")
        const { list } = yield* StoredTokens
        const error = yield* Effect.flip(list({ limit: 1 }))
        expect(error.message).toContain("the database cannot be reached")
        expect(error.message).not.toContain("127.0.0.1")
      }).pipe(Effect.provide(instanceOf(storage, { token_pepper: "p".repeat(32) })))
    })
  )

  test("the token does not appear in text", () => {
    expect(Bun.inspect(Redacted.make(example))).not.toContain("mcpt_")
  })
})
