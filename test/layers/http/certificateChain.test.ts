/** Chains of certificates that cannot be used: each is rejected with its reason. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as certificateChain from "../../../layers/http/certificateChain.ts"
import { possible } from "../../support/certificate.ts"
import { leaf, make, makeAuthority } from "../../support/certificates.ts"
import { it } from "../../support/effect.ts"

const reasonOf = (chain: certificateChain.Chain) =>
  Effect.map(Effect.flip(certificateChain.check(chain)), ({ reason }) => reason)

describe.skipIf(!possible)("a chain", () => {
  it.live("with its issuer is accepted, and described", () =>
    Effect.gen(function* () {
      const authority = yield* makeAuthority("root.example")
      const { cert, key } = yield* make({
        names: ["App.example.com", "*.example.com"],
        issuer: authority,
        extensions: [...leaf, "extendedKeyUsage=serverAuth,clientAuth"]
      })
      const chain = `Bag Attributes\n${cert}\n${authority.cert}`
      const { chain: normal, info } = yield* certificateChain.check({
        cert: chain,
        key,
        names: ["app.example.com", "other.example.com"]
      })
      expect(info).toMatchObject({ names: ["app.example.com", "*.example.com"], issuer: "root.example" })
      expect(info.fingerprint).toMatch(/^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/)
      expect(normal.match(/BEGIN/g)).toHaveLength(2)
      expect(normal).not.toContain("Bag")
    })
  )

  it.live("is rejected for each fault with its reason", () =>
    Effect.gen(function* () {
      const authority = yield* makeAuthority("root.example")
      const other = yield* makeAuthority("other.example")
      const { cert, key } = yield* make({ names: ["app.example.com"], issuer: authority, extensions: leaf })
      const check = (changes: Partial<certificateChain.Chain>) => reasonOf({ cert, key, ...changes })

      expect(yield* check({ cert: "garbage" })).toBe("malformed")
      expect(yield* check({ cert: cert.replace(/\n[^\n]{20}/, "\nAAAAAAAAAAAAAAAAAAAA") })).toBe("malformed")
      expect(yield* check({ cert: cert.repeat(11) })).toBe("malformed")
      expect(yield* check({ key: "garbage" })).toBe("key")
      expect(yield* check({ key: other.key })).toBe("mismatched")
      expect(yield* check({ cert: `${cert}${other.cert}` })).toBe("order")
      expect(yield* check({ cert: `${authority.cert}${cert}`, key: authority.key })).toBe("order")
      expect(yield* check({ names: ["app.example.com", "b.example.com"] })).toBe("names")
      expect(yield* check({ names: ["a.app.example.com"] })).toBe("names")

      const nameless = yield* make({ names: [], extensions: leaf })
      expect(yield* reasonOf(nameless)).toBe("names")
      const client = yield* make({
        names: ["a.example"],
        extensions: [...leaf, "extendedKeyUsage=clientAuth"]
      })
      expect(yield* reasonOf(client)).toBe("use")
      const weak = yield* make({ names: ["a.example"], keys: ["rsa:1024"] })
      expect(yield* reasonOf(weak)).toBe("weak")
    })
  )

  it.effect("is rejected before and after it is valid", () =>
    Effect.gen(function* () {
      const made = yield* make({ names: ["a.example"] })
      const { notAfter, notBefore } = yield* certificateChain.inspect(made.cert)
      yield* TestClock.setTime(notBefore - 1)
      expect(yield* reasonOf(made)).toBe("early")
      yield* TestClock.setTime(notAfter)
      expect(yield* reasonOf(made)).toBe("expired")
      yield* TestClock.setTime(notAfter - 1)
      expect((yield* certificateChain.check(made)).info.names).toEqual(["a.example"])
    })
  )

  it.effect("covers names of one label under its wildcard", () =>
    Effect.sync(() => {
      const names = ["example.com", "*.example.com"]
      const covered = [
        "example.com",
        "a.example.com",
        "*.example.com",
        "a.b.example.com",
        "com",
        "*.a.example.com"
      ]
      expect(covered.map((host) => certificateChain.covers(names, host))).toEqual([
        true,
        true,
        true,
        false,
        false,
        false
      ])
    })
  )
})
