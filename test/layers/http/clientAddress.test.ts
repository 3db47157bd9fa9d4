/** Addresses of clients behind proxies: trusted ones only, and the last address that no client can invent. */
import { expect, test } from "bun:test"
import { clientAddress, isRange } from "../../../layers/http/clientAddress.ts"

const of = (peer: string, forwarded: string | undefined, trusted = ["10.0.0.0/8", "::1"]) =>
  clientAddress(new Headers(forwarded === undefined ? {} : { "x-forwarded-for": forwarded }), peer, trusted)

test("the header of a trusted proxy names the client", () => {
  expect(of("10.0.0.1", "203.0.113.9")).toBe("203.0.113.9")
  expect(of("::ffff:10.0.0.1", "203.0.113.9")).toBe("203.0.113.9")
  expect(of("::1", "1.1.1.1, 203.0.113.9, 10.1.2.3")).toBe("203.0.113.9")
  expect(of("::1", "2001:db8::7")).toBe("2001:db8::7")
})

test("without a trusted proxy, or with a malformed header, the peer is the client", () => {
  expect(of("192.0.2.1", "203.0.113.9")).toBe("192.0.2.1")
  expect(of("10.0.0.1", "203.0.113.9", [])).toBe("10.0.0.1")
  expect(of("10.0.0.1", undefined)).toBe("10.0.0.1")
  expect(of("10.0.0.1", "1.1.1.1, unknown")).toBe("10.0.0.1")
  expect(of("10.0.0.1", "9,".repeat(2000))).toBe("10.0.0.1")
  expect(of("", "203.0.113.9")).toBe("")
})

test("ranges are addresses and networks", () => {
  expect(["10.0.0.0/8", "127.0.0.1", "::1", "fd00::/8"].map(isRange)).toEqual([true, true, true, true])
  expect(["proxy", "10.0.0.0/40", ""].map(isRange)).toEqual([false, false, false])
})
