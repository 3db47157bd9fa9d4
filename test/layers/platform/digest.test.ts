/** Keyed digests: the published test vector, and a comparison that agrees with equality. */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { equalInConstantTime, hmacSha256 } from "../../../layers/platform/digest.ts"

test("HMAC-SHA-256 matches RFC 4231, test case 2", () => {
  const digest = hmacSha256(new TextEncoder().encode("Jefe"), "what do ya want for nothing?")
  expect(Buffer.from(digest).toString("hex")).toBe(
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
  )
})

test("two digests are equal exactly if their bytes are", () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 4, max: 3 })
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      expect(equalInConstantTime(a, b)).toBe(a.length === b.length && a.every((byte, at) => byte === b[at]))
    })
  )
})
