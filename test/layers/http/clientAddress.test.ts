/** Addresses of clients behind proxies: trusted ones only, and the last address that no client can invent. */
import { expect, test } from "bun:test"
import { clientAddress, forwardedHost, isRange } from "../../../layers/http/clientAddress.ts"

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

const hostOf = (headers: Record<string, string>, peer = "10.0.0.1") =>
  forwardedHost(new Headers(headers), () => peer, ["10.0.0.0/8", "::1"])
const https = { "x-forwarded-proto": "https" }

test("a trusted proxy names the host, in either header, and only over HTTPS", () => {
  expect(hostOf({ ...https, "x-forwarded-host": "MCP.example.com" })).toBe("mcp.example.com")
  expect(hostOf({ ...https, "x-forwarded-host": "mcp.example.com:443" })).toBe("mcp.example.com")
  expect(hostOf({ ...https, "x-forwarded-host": "mcp.example.com:8443" })).toBe("mcp.example.com:8443")
  expect(hostOf({ forwarded: 'for="[2001:db8::7]:9"; Host="mcp.example.com:8443";proto=HTTPS' })).toBe(
    "mcp.example.com:8443"
  )
  for (const headers of [
    { "x-forwarded-proto": "http", "x-forwarded-host": "mcp.example.com" },
    { "x-forwarded-host": "mcp.example.com" },
    https,
    { forwarded: "proto=https" },
    { forwarded: "host=mcp.example.com;proto=http" },
    { ...https, host: "mcp.example.com" },
    {}
  ]) {
    expect(hostOf(headers)).toBeUndefined()
  }
})

test("headers of peers that are not trusted name no host", () => {
  for (const peer of ["192.0.2.1", "", "unknown"]) {
    expect(hostOf({ ...https, "x-forwarded-host": "mcp.example.com" }, peer)).toBeUndefined()
    expect(hostOf({ forwarded: "host=mcp.example.com;proto=https" }, peer)).toBeUndefined()
  }
})

test("of several values, the one of the outermost trusted proxy counts", () => {
  const named = (host: string, client = "203.0.113.9") =>
    hostOf({ ...https, "x-forwarded-for": client, "x-forwarded-host": host })
  expect(named("evil.example, mcp.example.com")).toBe("mcp.example.com")
  // Two proxies: the outer one appended the second value, the inner one the third.
  expect(named("evil.example, mcp.example.com, inner.example", "203.0.113.9, 10.1.1.1")).toBe(
    "mcp.example.com"
  )
  // The inner one passed on what the outer one had set.
  expect(named("mcp.example.com", "203.0.113.9, 10.1.1.1")).toBe("mcp.example.com")
  expect(
    hostOf({ forwarded: "host=evil.example;proto=https, for=203.0.113.9;host=mcp.example.com;proto=https" })
  ).toBe("mcp.example.com")
  expect(
    hostOf({
      forwarded:
        "for=203.0.113.9;host=mcp.example.com;proto=https, for=10.1.1.1;host=inner.example;proto=http"
    })
  ).toBe("mcp.example.com")
})

test("contradictory and malformed headers name no host", () => {
  const both = (forwarded: string) => hostOf({ ...https, "x-forwarded-host": "mcp.example.com", forwarded })
  expect(both("for=203.0.113.9")).toBe("mcp.example.com")
  expect(both("host=mcp.example.com;proto=https")).toBe("mcp.example.com")
  expect(both("host=other.example;proto=https")).toBeUndefined()
  for (const host of [
    "a b",
    "user@mcp.example.com",
    "mcp.example.com/evil",
    "mcp.example.com:99999",
    "é",
    ""
  ]) {
    expect(hostOf({ ...https, "x-forwarded-host": Buffer.from(host).toString("latin1") })).toBeUndefined()
  }
  expect(hostOf({ forwarded: 'host="mcp.example.com' })).toBeUndefined()
  expect(hostOf({ forwarded: `${"for=1,".repeat(2000)}host=mcp.example.com;proto=https` })).toBeUndefined()
})
