/** Quotas: limits per principal and in total, holds and releases. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { Hold, Quota } from "../../../layers/quotas/Quota.ts"

test("one principal gets at most its limit and another one the rest of the total", () => {
  const quota = new Quota({ principal: 6, total: 10 })
  expect([quota.take("alice", 6), quota.take("alice", 1)]).toEqual([true, false])
  expect([quota.take("bob", 5), quota.take("bob", 4)]).toEqual([false, true])
  expect([quota.used, quota.usedBy("alice"), quota.usedBy("bob"), quota.rejected]).toEqual([10, 6, 4, 2])
  quota.release("alice", 6)
  expect(quota.take("carol", 6)).toBe(true)
})

test("new limits apply to later amounts and revoke nothing", () => {
  const quota = new Quota({ principal: 6, total: 10 })
  quota.take("alice", 6)
  quota.configure({ principal: 3, total: 10 })
  expect([quota.usedBy("alice"), quota.take("alice", 1)]).toEqual([6, false])
})

test("a hold changes only when granted and is empty after its end", () => {
  const quota = new Quota({ principal: 5, total: 10 })
  const hold = new Hold(quota, "alice")
  expect([hold.set(4), hold.set(6), hold.amount, hold.set(1)]).toEqual([true, false, 4, true])
  hold.end()
  hold.end()
  expect([hold.set(1), quota.used, hold.amount]).toEqual([false, 0, 0])
})

test("the amount used is the sum of all holds and within the limits for any sequence", () => {
  const owner = fc.constantFrom("alice", "bob", "carol")
  const steps = fc.array(fc.tuple(fc.nat(5), fc.option(fc.nat(8))), { maxLength: 60 })
  fc.assert(
    fc.property(fc.array(owner, { minLength: 6, maxLength: 6 }), steps, (owners, changes) => {
      const quota = new Quota({ principal: 10, total: 20 })
      const holds = owners.map((each) => new Hold(quota, each))
      for (const [index, amount] of changes) {
        if (amount === null) holds[index]?.end()
        else holds[index]?.set(amount)
        const sums = new Map<string, number>()
        for (const [at, hold] of holds.entries()) {
          const name = owners[at] ?? ""
          sums.set(name, (sums.get(name) ?? 0) + hold.amount)
        }
        for (const [name, sum] of sums) {
          expect(quota.usedBy(name)).toBe(sum)
          expect(sum).toBeLessThanOrEqual(10)
        }
        expect(quota.used).toBe([...sums.values()].reduce((total, sum) => total + sum, 0))
        expect(quota.used).toBeLessThanOrEqual(20)
      }
    })
  )
})
