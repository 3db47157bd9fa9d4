/** Authenticator: API tokens, anonymous loopback callers, bind addresses, throttling. */
import { describe, expect } from "bun:test"
import { Effect, Exit, Layer, Logger, Redacted, References } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { Audit } from "../../../layers/audit/Audit.ts"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { isLoopback } from "../../../layers/http/hosts.ts"
import { Authenticator, Unauthorized } from "../../../layers/identity/Authenticator.ts"
import { CredentialVerifiers } from "../../../layers/identity/CredentialVerifiers.ts"
import type { VerifierUnavailable } from "../../../layers/identity/CredentialVerifier.ts"
import { section } from "../../../layers/identity/section.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { anonymousLoopback } from "../../../src/domain/Principal.ts"
import { it } from "../../support/effect.ts"

const alice = "alice-0123456789abcdef0123456789abcdef"
const bob = "bob.~+/-_0123456789ABCDEF0123456789=="

const tokens = [
  { name: "alice", token: "env:ALICE", scopes: ["read", "admin"] },
  { name: "bob", token: bob, expires_at: "1970-01-02" }
]

const authenticator = (auth: unknown) =>
  Layer.fresh(Authenticator.layer).pipe(
    Layer.provide([
      ConfigSource.layerFrom(auth === undefined ? {} : { auth }, { ALICE: alice }),
      CredentialVerifiers.layer,
      Audit.layerNone,
      Ids.layer
    ])
  )

const presented = (authorization: string | null, loopbackPeer = false) => ({
  method: "POST",
  url: "http://127.0.0.1/mcp",
  resource: "/mcp",
  authorization,
  headers: new Headers(),
  loopbackPeer,
  encrypted: false,
  address: "192.0.2.1"
})

const ask = (authorization: string | null, loopbackPeer = false) =>
  Effect.flatMap(Authenticator, ({ authenticate }) =>
    authenticate(presented(authorization, loopbackPeer))
  ).pipe(Effect.map(({ principal }) => principal))

/** The rejection of a credential; a store that cannot be reached is a defect. */
const rejectionOf = <A>(authenticated: Effect.Effect<A, Unauthorized | VerifierUnavailable>) =>
  Effect.flip(Effect.catchTag(authenticated, "VerifierUnavailable", Effect.die))

const reason = (authorization: string | null, loopbackPeer = false) =>
  Effect.gen(function* () {
    const { authenticate } = yield* Authenticator
    return (yield* rejectionOf(authenticate(presented(authorization, loopbackPeer)))).reason
  })

describe("with tokens", () => {
  it.effect("a token authenticates with its name and scopes", () =>
    Effect.gen(function* () {
      const principal = yield* ask(`Bearer ${alice}`)
      expect(principal).toMatchObject({ subject: "alice", clientId: "alice", source: "api-token" })
      expect(principal.scopes).toEqual(["read", "admin"])
      expect(principal.ceiling).toEqual(["read", "admin"])
      const limited = {
        name: "carol",
        token: "c".repeat(40),
        ceiling: ["read", "call", "admin"],
        limits: { concurrency: 2 }
      }
      const carol = yield* Effect.provide(
        ask(`Bearer ${limited.token}`),
        authenticator({ tokens: [limited] })
      )
      expect(carol).toMatchObject({
        scopes: ["read", "call"],
        ceiling: limited.ceiling,
        limits: limited.limits
      })
      expect(yield* ask(`bearer   ${bob}`)).toMatchObject({ subject: "bob", scopes: ["read", "call"] })
    }).pipe(Effect.provide(authenticator({ tokens })))
  )

  it.effect("with tokens configured, a loopback caller needs one unless anonymous_loopback is set", () =>
    Effect.gen(function* () {
      expect((yield* Authenticator).required).toBe(true)
      for (const loopback of [false, true]) expect(yield* reason(null, loopback)).toBe("missing")
      const open = authenticator({ tokens, anonymous_loopback: true })
      expect(yield* Effect.provide(ask(null, true), open)).toBe(anonymousLoopback)
      expect(yield* Effect.provide(reason(null, false), open)).toBe("missing")
      expect(yield* Effect.provide(reason("Bearer wrong", true), open)).toBe("invalid")
    }).pipe(Effect.provide(authenticator({ tokens })))
  )

  it.effect("a header that is not exactly one bearer token is invalid", () =>
    Effect.gen(function* () {
      const headers = [
        "",
        " ",
        "Bearer",
        "Bearer ",
        alice,
        `Basic ${alice}`,
        `Bearer  ${alice} `,
        `Bearer\t${alice}`,
        `Bearer ${alice}, Bearer ${alice}`,
        `Bearer ${alice},Bearer ${bob}`,
        `Bearer ${alice} ${alice}`,
        `Bearer ${alice}\n`,
        `Bearer ${alice}é`,
        `Bearer ${alice}\u0000`,
        `Bearer "${alice}"`,
        `Bearer ${alice.slice(0, -1)}`,
        `Bearer ${alice}0`,
        `Bearer ${alice.toUpperCase()}`,
        `Bearer ${"a".repeat(10_000)}`,
        `Bearer env:ALICE`,
        "Bearer __proto__",
        "Bearer constructor"
      ]
      for (const header of headers) expect([header, yield* reason(header, true)]).toEqual([header, "invalid"])
    }).pipe(Effect.provide(authenticator({ tokens, failures: { max: 1000 } })))
  )

  it.effect("a token is rejected from its expiry on", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(86_400_000 - 1)
      expect(yield* ask(`Bearer ${bob}`)).toMatchObject({ subject: "bob" })
      yield* TestClock.adjust(1)
      expect(yield* reason(`Bearer ${bob}`)).toBe("expired")
      expect(yield* ask(`Bearer ${alice}`)).toMatchObject({ subject: "alice" })
    }).pipe(Effect.provide(authenticator({ tokens })))
  )

  it.effect("the challenge names the error and never repeats the token", () =>
    Effect.gen(function* () {
      const refused = yield* Effect.flip(ask("Bearer sesame"))
      expect(refused).toBeInstanceOf(Unauthorized)
      expect(refused).toMatchObject({
        challenge:
          'Bearer realm="manifold", error="invalid_token", error_description="The token is not valid. Check its value."'
      })
      expect(Bun.inspect(refused)).not.toContain("sesame")
      expect(yield* Effect.flip(ask(null))).toMatchObject({
        reason: "missing",
        challenge: 'Bearer realm="manifold"'
      })
    }).pipe(Effect.provide(authenticator({ tokens })))
  )

  it.effect("no text other than the token authenticates", () =>
    Effect.gen(function* () {
      const { authenticate } = yield* Authenticator
      const near = fc
        .tuple(fc.constantFrom(alice, bob), fc.nat(50), fc.constantFrom("", "a", "=", "é", " "))
        .map(([token, at, text]) => token.slice(0, at) + text + token.slice(at + 1))
      fc.assert(
        fc.property(fc.oneof(near, fc.string()), (token) => {
          const answer = Effect.runSyncExit(authenticate(presented(`Bearer ${token}`, true)))
          const known = [alice, bob].includes(token.replace(/^ +/, ""))
          expect(Exit.isSuccess(answer)).toBe(known)
        })
      )
    }).pipe(Effect.provide(authenticator({ tokens })))
  )
})

describe("without tokens", () => {
  it.effect("without tokens, loopback callers are anonymous and others are rejected", () =>
    Effect.gen(function* () {
      const service = yield* Authenticator
      expect(service.required).toBe(false)
      expect(yield* ask(null, true)).toBe(anonymousLoopback)
      expect(yield* reason(null, false)).toBe("missing")
      expect(yield* reason(`Bearer ${alice}`, true)).toBe("invalid")
    }).pipe(Effect.provide(authenticator(undefined)))
  )

  it.effect("anonymous_loopback: false rejects loopback callers", () =>
    Effect.gen(function* () {
      expect((yield* Authenticator).required).toBe(true)
      expect(yield* reason(null, true)).toBe("missing")
    }).pipe(Effect.provide(authenticator({ anonymous_loopback: false })))
  )
})

describe("bind addresses", () => {
  const local = [
    "localhost",
    "LOCALHOST",
    "127.0.0.1",
    "127.255.255.255",
    "127.1.2.3",
    "::1",
    "[::1]",
    "localhost.",
    "::ffff:127.0.0.1"
  ]
  const open = [
    "0.0.0.0",
    "::",
    "[::]",
    "",
    "10.0.0.1",
    "128.0.0.1",
    "127.0.0.1.example.com",
    "127.0.0.256",
    "127.1",
    "localhost.example.com",
    "xlocalhost",
    "::ffff:10.0.0.1",
    "fe80::1",
    "example.com",
    "127.0.0.1\n"
  ]

  it.effect("only loopback names and addresses count as loopback", () =>
    Effect.sync(() => {
      expect(local.filter((name) => !isLoopback(name))).toEqual([])
      expect(open.filter(isLoopback)).toEqual([])
    })
  )

  it.effect("without authentication other addresses are refused and the proposed configuration works", () =>
    Effect.gen(function* () {
      const { requireFor } = yield* Authenticator
      for (const name of local) yield* requireFor(name)
      for (const name of open) expect((yield* Effect.flip(requireFor(name)))._tag).toBe("BindRefused")
      const { message } = yield* Effect.flip(requireFor("0.0.0.0"))
      expect(message).toContain('"0.0.0.0"')
      const json = /MCP_CONFIG_JSON='(.*)'/.exec(message)?.[1]
      const yaml = /manifold\.yaml:\n\n([^]*?)\n\nor/.exec(message)?.[1]
      // The proposed configuration must work.
      const token = "0123456789abcdef0123456789abcdef"
      for (const proposal of [JSON.parse(json ?? ""), Bun.YAML.parse(yaml ?? "")]) {
        const config = ConfigSource.layerFrom(proposal, { MANIFOLD_TOKEN: token })
        const { tokens: read } = yield* Effect.provide(
          ConfigSource.use((source) => source.read(section)),
          config
        )
        expect(read.map((each) => [each.name, Redacted.value(each.token)])).toEqual([["me", token]])
      }
      yield* Authenticator.use((service) => service.requireFor("0.0.0.0")).pipe(
        Effect.provide(authenticator({ tokens }))
      )
    }).pipe(Effect.provide(authenticator({ anonymous_loopback: true })))
  )
})

describe("configuration", () => {
  const problems = (auth: unknown) =>
    ConfigSource.use((config) => config.check([section])).pipe(
      Effect.provide(ConfigSource.layerFrom({ auth }, { ALICE: alice })),
      Effect.flip,
      Effect.map((error) => error.problems.map(({ message, path }) => `${path}: ${message}`))
    )

  it.effect("weak, malformed or badly described tokens are reported without the token", () =>
    Effect.gen(function* () {
      const found = yield* problems({
        tokens: [
          { name: "short", token: "x".repeat(31) },
          { name: "odd", token: `${"x".repeat(40)} y` },
          { name: "two words", token: "env:ALICE" },
          { name: "dated", token: "env:ALICE", expires_at: "tomorrow" },
          { name: "scoped", token: "env:ALICE", scopes: ["read call"] },
          { name: "typed", token: "env:ALICE", expires: "2030-01-01" },
          { name: "low", token: "z".repeat(40), ceiling: ["read"] }
        ]
      })
      expect(found).toEqual([
        "auth.tokens[0].token: a token needs at least 32 characters, got 31; generate one with `openssl rand -hex 32`",
        "auth.tokens[1].token: a token may contain letters, digits and -._~+/ only",
        'auth.tokens[2].name: expected 1 to 64 letters, digits and ._@-, got "two words"',
        'auth.tokens[3].expires_at: expected a date such as 2027-01-31 or 2027-01-31T12:00:00Z, got "tomorrow"',
        'auth.tokens[4].scopes[0]: expected a scope name without spaces, got "read call"',
        'auth.tokens[5].expires: unknown key; did you mean "expires_at"?',
        "auth.tokens[6].ceiling: must contain the scope call"
      ])
    })
  )

  it.effect("an unknown scope is reported unless it contains a colon, a slash or a dot", () =>
    Effect.gen(function* () {
      const scoped = (...scopes: ReadonlyArray<string>) => ({
        tokens: [{ name: "x", token: alice, scopes }]
      })
      expect(yield* problems(scoped("read", "fly", "raed", "Call", "admn", "*"))).toEqual([
        "auth.tokens[0].scopes[1]: unknown scope; known are read, call, admin, and custom scopes that contain a colon, such as team:blue",
        'auth.tokens[0].scopes[2]: unknown scope; did you mean "read"?',
        'auth.tokens[0].scopes[3]: unknown scope; did you mean "call"?',
        'auth.tokens[0].scopes[4]: unknown scope; did you mean "admin"?',
        "auth.tokens[0].scopes[5]: unknown scope; known are read, call, admin, and custom scopes that contain a colon, such as team:blue"
      ])
      const known = scoped("read", "call", "admin", "team:blue", "https://tools.example/write")
      const config = ConfigSource.layerFrom({ auth: known })
      yield* Effect.provide(
        ConfigSource.use(({ check }) => check([section])),
        config
      )
    })
  )

  it.effect("a duplicate name or token is reported", () =>
    Effect.gen(function* () {
      expect(yield* problems({ tokens: [...tokens, { name: "bob", token: "z".repeat(40) }] })).toEqual([
        "auth.tokens[2].name: another token has this name"
      ])
      expect(yield* problems({ tokens: [...tokens, { name: "eve", token: alice }] })).toEqual([
        "auth.tokens[2].token: another entry has this token"
      ])
    })
  )
})

describe("invalid tokens", () => {
  const from = (address: string, token = "x".repeat(32)) =>
    Effect.gen(function* () {
      const { authenticate } = yield* Authenticator
      return yield* rejectionOf(authenticate({ ...presented(`Bearer ${token}`), address }))
    })
  const limited = authenticator({ tokens, failures: { max: 3, window: "1 minute" } })

  it.effect("invalid tokens are throttled per address and window, and counted", () =>
    Effect.gen(function* () {
      const { failures } = yield* Authenticator
      for (let each = 0; each < 3; each++) expect((yield* from("192.0.2.1")).reason).toBe("invalid")
      yield* TestClock.adjust("20 seconds")
      expect(yield* from("192.0.2.1")).toMatchObject({ reason: "throttled", retryAfter: 40_000 })
      expect((yield* from("192.0.2.2")).reason).toBe("invalid")
      expect(failures()).toEqual({ missing: 0, invalid: 4, expired: 0, throttled: 1 })
      yield* TestClock.adjust("40 seconds")
      expect((yield* from("192.0.2.1")).reason).toBe("invalid")
    }).pipe(Effect.provide(limited))
  )

  it.effect("addresses of one IPv6 /64 network count as one", () =>
    Effect.gen(function* () {
      for (let each = 0; each < 3; each++) yield* from(`2001:db8:1:2::${each}`)
      expect((yield* from("2001:db8:1:2::ffff")).reason).toBe("throttled")
      expect((yield* from("2001:db8:1:3::1")).reason).toBe("invalid")
    }).pipe(Effect.provide(limited))
  )

  it.effect("a valid token passes while its address is throttled", () =>
    Effect.gen(function* () {
      for (let each = 0; each < 10; each++) yield* from("192.0.2.1")
      expect(yield* ask(`Bearer ${alice}`)).toMatchObject({ subject: "alice" })
    }).pipe(Effect.provide(limited))
  )

  it.effect("invalid tokens are logged with the address and without the token until they are throttled", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ fiber, logLevel, message }) => {
        const annotations = fiber.getRef(References.CurrentLogAnnotations)
        lines.push(`${logLevel} ${String(message)} ${JSON.stringify(annotations)}`)
      })
      yield* Effect.gen(function* () {
        for (let each = 0; each < 10; each++) yield* from("192.0.2.1", `${"secret".repeat(6)}${each}`)
        yield* Effect.yieldNow
      }).pipe(Effect.provide(limited.pipe(Layer.provide(Logger.layer([logger])))))
      expect(lines.filter((line) => line.includes("authentication failed"))).toHaveLength(3)
      expect(lines.filter((line) => line.includes("authentication throttled"))).toHaveLength(1)
      expect(lines[0]).toContain("192.0.2.1")
      expect(lines.join()).not.toContain("secretsecret")
    })
  )

  it.effect("requests without a token are never throttled", () =>
    Effect.gen(function* () {
      for (let each = 0; each < 10; each++) expect(yield* reason(null)).toBe("missing")
      expect((yield* Authenticator).failures().missing).toBe(10)
    }).pipe(Effect.provide(limited))
  )
})
