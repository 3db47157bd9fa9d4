/** Verifiers of bearer tokens: which one is asked, cached verdicts, revocation, and stores that cannot be reached. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Audit } from "../../../layers/audit/Audit.ts"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Authenticator } from "../../../layers/identity/Authenticator.ts"
import {
  type CredentialVerifier,
  type Verdict,
  VerifierUnavailable
} from "../../../layers/identity/CredentialVerifier.ts"
import { CredentialVerifiers } from "../../../layers/identity/CredentialVerifiers.ts"
import type { Grant } from "../../../layers/identity/Grant.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { Principal } from "../../../src/domain/Principal.ts"
import { it } from "../../support/effect.ts"

const grantOf = (name: string, id: string, expiresAt = Infinity): Grant => ({
  credential: `${name}:${id}`,
  expiresAt,
  principal: new Principal({
    subject: id,
    clientId: id,
    scopes: ["read"],
    ceiling: ["read"],
    source: "oauth"
  })
})

const away = new VerifierUnavailable({ message: "The key set cannot be reached.", retryAfter: 2000 })

/** A verifier of tokens `<name>_<id>` over a store that the test controls, and the lookups so far. */
const storeOf = (name: string) => {
  const grants = new Map<string, Grant>()
  const state = { looked: 0, reachable: true, before: Effect.void }
  const find = <A>(read: () => A) =>
    Effect.suspend(() => (state.reachable ? Effect.as(state.before, undefined) : Effect.fail(away))).pipe(
      Effect.map(read)
    )
  const verifier: CredentialVerifier = {
    name,
    recognizes: (token) => token.startsWith(`${name}_`),
    verify: (token) => {
      state.looked++
      return find((): Verdict => grants.get(token.slice(name.length + 1)))
    },
    current: (each) => find(() => each.map((credential) => grants.get(credential.slice(name.length + 1)))),
    usable: find(() => grants.size > 0)
  }
  return { grants, state, verifier, put: (grant: Grant) => grants.set(grant.principal.subject, grant) }
}

const layer = Layer.fresh(Authenticator.layer).pipe(
  Layer.provideMerge(CredentialVerifiers.layer),
  Layer.provide([ConfigSource.layerFrom({}), Ids.layer, Audit.layerNone])
)

const ask = (token: string, resource = "/mcp", address = "192.0.2.1") =>
  Effect.flatMap(Authenticator, ({ authenticate }) =>
    authenticate({
      method: "POST",
      url: "http://127.0.0.1/mcp",
      resource,
      authorization: `Bearer ${token}`,
      headers: new Headers(),
      loopbackPeer: false,
      encrypted: false,
      address
    })
  )
const subject = (token: string, resource?: string, address?: string) =>
  Effect.map(ask(token, resource, address), ({ principal }) => principal.subject)
const tagOf = (token: string) =>
  Effect.map(Effect.flip(ask(token)), (error) =>
    error._tag === "Unauthorized" ? error.reason : `${error._tag} ${error.retryAfter}`
  )

const added = (...stores: ReadonlyArray<ReturnType<typeof storeOf>>) =>
  Effect.flatMap(CredentialVerifiers, ({ add }) => Effect.forEach(stores, ({ verifier }) => add(verifier)))

describe("verifiers", () => {
  it.effect("only the verifier that recognizes a token is asked", () =>
    Effect.gen(function* () {
      const [one, other] = [storeOf("one"), storeOf("other")]
      yield* added(one, other)
      other.put(grantOf("other", "alice"))
      expect(yield* subject("other_alice")).toBe("alice")
      expect(yield* tagOf("third_alice")).toBe("invalid")
      expect([one.state.looked, other.state.looked]).toEqual([0, 1])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a verdict is cached for half a second, by token and resource", () =>
    Effect.gen(function* () {
      const store = storeOf("one")
      yield* added(store)
      store.put(grantOf("one", "alice", 700))
      for (let each = 0; each < 3; each++) expect(yield* subject("one_alice")).toBe("alice")
      expect(yield* subject("one_alice", "/chat")).toBe("alice")
      expect(yield* tagOf("one_bob")).toBe("invalid")
      expect(yield* tagOf("one_bob")).toBe("invalid")
      expect(store.state.looked).toBe(3)
      store.grants.clear()
      yield* TestClock.adjust(499)
      expect(yield* subject("one_alice")).toBe("alice")
      yield* TestClock.adjust(1)
      expect(yield* tagOf("one_alice")).toBe("invalid")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a cached token expires at its expiry", () =>
    Effect.gen(function* () {
      const store = storeOf("one")
      yield* added(store)
      store.put(grantOf("one", "alice", 200))
      expect(yield* subject("one_alice")).toBe("alice")
      yield* TestClock.adjust(200)
      expect(yield* tagOf("one_alice")).toBe("expired")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a revocation in this process counts at once", () =>
    Effect.gen(function* () {
      const store = storeOf("one")
      yield* added(store)
      store.put(grantOf("one", "alice"))
      expect(yield* subject("one_alice")).toBe("alice")
      store.grants.clear()
      const { forget } = yield* CredentialVerifiers
      yield* forget("one:alice")
      expect(yield* tagOf("one_alice")).toBe("invalid")
    }).pipe(Effect.provide(layer))
  )

  it.effect("requests with one token share a lookup, which goes on when one of them is interrupted", () =>
    Effect.gen(function* () {
      const store = storeOf("one")
      yield* added(store)
      store.put(grantOf("one", "alice"))
      const open = yield* Deferred.make<void>()
      store.state.before = Deferred.await(open)
      const [first, second] = [
        yield* Effect.forkChild(subject("one_alice")),
        yield* Effect.forkChild(subject("one_alice"))
      ]
      yield* Effect.yieldNow
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(open, undefined)
      expect(yield* Fiber.join(second)).toBe("alice")
      expect(store.state.looked).toBe(1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a flood of unknown tokens from one address does not delay other addresses", () =>
    Effect.gen(function* () {
      const store = storeOf("one")
      yield* added(store)
      store.put(grantOf("one", "alice"))
      store.put(grantOf("one", "carol"))
      expect(yield* subject("one_carol")).toBe("carol")
      for (let each = 0; each < 20; each++) yield* tagOf(`one_wrong${each}`)
      yield* TestClock.adjust(500)
      const open = yield* Deferred.make<void>()
      store.state.before = Deferred.await(open)
      const flood = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 100 }, (_, each) => `one_flood${each}`),
          tagOf,
          {
            concurrency: "unbounded"
          }
        )
      )
      yield* Effect.yieldNow
      store.state.before = Effect.void
      expect(yield* subject("one_alice", "/mcp", "192.0.2.2")).toBe("alice")
      // Nor a token from the same address that was valid before.
      expect(yield* subject("one_carol")).toBe("carol")
      yield* Deferred.succeed(open, undefined)
      const answers = yield* Fiber.join(flood)
      expect(answers.filter((answer) => answer === "VerifierUnavailable 1000")).toHaveLength(100 - 34)
      expect(answers.filter((answer) => answer === "throttled")).toHaveLength(34)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a store that cannot be reached or does not answer is unavailable, and is asked again", () =>
    Effect.gen(function* () {
      const store = storeOf("one")
      yield* added(store)
      store.put(grantOf("one", "alice"))
      store.state.reachable = false
      expect(yield* tagOf("one_alice")).toBe("VerifierUnavailable 2000")
      store.state.reachable = true
      expect(yield* subject("one_alice")).toBe("alice")
      yield* TestClock.adjust("1 second")
      store.state.before = Effect.never
      const waiting = yield* Effect.forkChild(tagOf("one_alice"))
      yield* TestClock.adjust("3 seconds")
      expect(yield* Fiber.join(waiting)).toBe("VerifierUnavailable 1000")
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "open connections end within a second of a revocation, and stay open while the store cannot be reached",
    () =>
      Effect.gen(function* () {
        const store = storeOf("one")
        yield* added(store)
        const { follow } = yield* Authenticator
        store.put(grantOf("one", "alice"))
        const ended: Array<string> = []
        follow(yield* ask("one_alice"), { ended: (why) => ended.push(why) })
        store.state.reachable = false
        store.grants.clear()
        yield* TestClock.adjust("5 seconds")
        expect(ended).toEqual([])
        store.state.reachable = true
        yield* TestClock.adjust("1 second")
        expect(ended).toEqual(["revoked"])
      }).pipe(Effect.provide(layer))
  )

  it.effect("a verifier with tokens allows an address beyond loopback, where no caller is anonymous", () =>
    Effect.gen(function* () {
      const store = storeOf("one")
      yield* added(store)
      const authenticator = yield* Authenticator
      expect((yield* Effect.flip(authenticator.requireFor("0.0.0.0")))._tag).toBe("BindRefused")
      expect(authenticator.required).toBe(false)
      store.put(grantOf("one", "alice"))
      yield* authenticator.requireFor("0.0.0.0")
      expect(authenticator.required).toBe(true)
    }).pipe(Effect.provide(layer))
  )
})
