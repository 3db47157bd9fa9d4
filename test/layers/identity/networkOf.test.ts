/** Networks by which limits count addresses: no notation of an IPv6 address is another one. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { networkOf } from "../../../layers/identity/AttemptLimit.ts"

test("IPv4 addresses count alone, also as a dual-stack socket shows them", () => {
  for (const address of ["203.0.113.9", "::ffff:203.0.113.9", "::FFFF:203.0.113.9"]) {
    expect(networkOf(address)).toBe("203.0.113.9")
  }
})

test("IPv6 addresses count by their first 64 bits, in every notation", () => {
  const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }))
  const half = fc.tuple(group, group, group, group)
  const hex = (groups: ReadonlyArray<number>) => groups.map((each) => each.toString(16))
  fc.assert(
    fc.property(half, half, half, fc.boolean(), (network, host, other, isUpper) => {
      const whole = hex([...network, ...host]).join(":")
      const canonical = new URL(`http://[${whole}]`).hostname.slice(1, -1)
      const padded = hex([...network, ...other])
        .map((each) => each.padStart(4, "0"))
        .join(":")
      expect(networkOf(isUpper ? padded.toUpperCase() : padded)).toBe(hex(network).join(":"))
      expect(networkOf(canonical)).toBe(hex(network).join(":"))
    })
  )
})

test("addresses of another network count separately", () => {
  const networks = ["2001:db8::1", "2001:db8:0:1::1", "2001:db8:1::1", "2001:db9::1", "::1"].map(networkOf)
  expect(new Set(networks).size).toBe(networks.length)
})
