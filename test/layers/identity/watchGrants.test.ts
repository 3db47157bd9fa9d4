/** Watched grants: listeners are notified of a change, an expiry and a revocation within a second. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Grant } from "../../../layers/identity/Grant.ts"
import * as watchGrants from "../../../layers/identity/watchGrants.ts"
import { Principal } from "../../../src/domain/Principal.ts"
import { it } from "../../support/effect.ts"

const grantOf = (
  credential: string,
  scopes: ReadonlyArray<string> = ["read"],
  expiresAt = Infinity
): Grant => ({
  credential,
  expiresAt,
  principal: new Principal({
    subject: credential,
    clientId: credential,
    scopes,
    ceiling: scopes,
    source: "api-token"
  })
})

/** A watch over grants that the test controls, and the notifications of its listeners. */
const watched = Effect.fnUntraced(function* (...grants: ReadonlyArray<Grant>) {
  const current = new Map(grants.map((grant) => [grant.credential, grant]))
  let asked = 0
  const { follow } = yield* watchGrants.make((each) => {
    asked++
    return Effect.succeed(each.map(({ credential }) => current.get(credential)))
  })
  const heard: Array<string> = []
  const listen = (grant: Grant, name = grant.credential) =>
    follow(grant, {
      changed: ({ principal }) => heard.push(`${name} may ${principal.scopes.join(" ")}`),
      ended: (why) => heard.push(`${name} ${why}`)
    })
  return { current, heard, listen, asked: () => asked }
})

describe("watched grants", () => {
  it.effect("an expired grant ends its connections within a second and not before", () =>
    Effect.gen(function* () {
      const grant = grantOf("a", ["read"], 5000)
      const { heard, listen } = yield* watched(grant)
      listen(grant)
      listen(grant, "another")
      yield* TestClock.adjust(4999)
      expect(heard).toEqual([])
      yield* TestClock.adjust(1001)
      expect(heard).toEqual(["a expired", "another expired"])
      yield* TestClock.adjust("1 minute")
      expect(heard).toHaveLength(2)
    })
  )

  it.effect("a revoked grant ends its own connections within a second", () =>
    Effect.gen(function* () {
      const [one, other] = [grantOf("one"), grantOf("other")]
      const { current, heard, listen } = yield* watched(one, other)
      listen(one)
      listen(other)
      current.delete("one")
      yield* TestClock.adjust("1 second")
      expect(heard).toEqual(["one revoked"])
    })
  )

  it.effect("a changed grant is passed on, and one of another identity counts as revoked", () =>
    Effect.gen(function* () {
      const [one, other] = [grantOf("one"), grantOf("other")]
      const { current, heard, listen } = yield* watched(one, other)
      listen(one)
      listen(other)
      current.set("one", grantOf("one", ["read", "call"]))
      current.set("other", { ...grantOf("somebody"), credential: "other" })
      yield* TestClock.adjust("3 seconds")
      expect(heard).toEqual(["one may read call", "other revoked"])
    })
  )

  it.effect("a grant is not checked after its last connection has ended", () =>
    Effect.gen(function* () {
      const grant = grantOf("a")
      const { asked, current, heard, listen } = yield* watched(grant)
      const [first, second] = [listen(grant), listen(grant)]
      yield* TestClock.adjust("1 second")
      first()
      const before = asked()
      yield* TestClock.adjust("500 millis")
      expect(asked()).toBe(before + 1)
      second()
      current.delete("a")
      yield* TestClock.adjust("10 seconds")
      expect([asked(), heard]).toEqual([before + 1, []])
    })
  )
})
