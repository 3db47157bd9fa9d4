/** The Host and Origin policy: allowed values for a listener on loopback and on a public address. */
import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import * as HostPolicy from "../../../layers/http/HostPolicy.ts"

const bound = (hostname: string, more: Partial<HostPolicy.HostPolicyOptions> = {}) =>
  HostPolicy.make({ hostname, allowedHosts: [], corsOrigins: [], ...more })

const host = (policy: HostPolicy.HostPolicy, value: string | null) => policy.host(value)?.status ?? 200
const origin = (policy: HostPolicy.HostPolicy, value: string, at = "127.0.0.1:8000", encrypted = false) => {
  const verdict = policy.origin(value, at, encrypted)
  return verdict instanceof Response ? verdict.status : verdict
}

const malformed = [
  "",
  " ",
  "a, b",
  "127.0.0.1, evil.test",
  "x@localhost",
  "127.0.0.1@evil.test",
  "127.0.0.1/evil",
  "evil.test#@127.0.0.1",
  "evil.test?@localhost",
  "local host",
  "localhost:",
  "localhost:x",
  "localhost:65536",
  "localhost:1:2",
  "::1",
  "[::1",
  "[zz]",
  "[fe80::1%25eth0]",
  "a..b",
  "-a.test",
  "xn--a",
  "256.256.256.256",
  "ä.test",
  "a%41.test",
  `${"a".repeat(64)}.test`,
  "a.".repeat(200),
  "a".repeat(100_000)
]

describe("the Host header", () => {
  test("is rejected with 400 if it is missing, malformed or repeated", () => {
    for (const policy of [bound("127.0.0.1"), bound("0.0.0.0")]) {
      for (const value of [null, ...malformed, ...malformed])
        expect([value, host(policy, value)]).toEqual([value, 400])
    }
  })

  test("on a loopback listener must be a loopback name, with any port, else 421", () => {
    const policy = bound("127.0.0.1", { allowedHosts: ["Example.com", "other.test:8443"] })
    const own = [
      "localhost",
      "LOCALHOST:1",
      "localhost.",
      "127.0.0.1:65535",
      "127.9.9.9",
      "[::1]",
      "[::1]:80"
    ]
    const listed = ["example.com", "EXAMPLE.COM:99", "other.test:8443"]
    for (const value of [...own, ...listed]) expect([value, host(policy, value)]).toEqual([value, 200])
    const foreign = ["evil.test", "other.test", "localhost.evil.test", "2130706433", "0x7f.1", "127.1"]
    for (const value of foreign) expect([value, host(policy, value)]).toEqual([value, 421])
  })

  test("on a public listener is any name, unless there is an allow-list", () => {
    expect(host(bound("0.0.0.0"), "anything.test")).toBe(200)
    const listed = bound("0.0.0.0", { allowedHosts: ["example.com"] })
    expect(host(listed, "example.com")).toBe(200)
    expect(host(listed, "localhost")).toBe(200)
    expect(host(listed, "anything.test")).toBe(421)
  })

  test("accepted by a loopback listener is also a loopback host for a URL parser", () => {
    const policy = bound("127.0.0.1")
    const piece = fc.constantFrom(
      "localhost",
      "127.0.0.1",
      "[::1]",
      "evil.test",
      "@",
      "/",
      ":",
      "80",
      ".",
      ",",
      "#",
      " "
    )
    const loopback = /^(localhost\.?|127\.\d+\.\d+\.\d+|\[::1\])$/
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece).map((parts) => parts.join("")),
          fc.string()
        ),
        (value) => {
          if (host(policy, value) === 200) expect(new URL(`http://${value}/`).hostname).toMatch(loopback)
        }
      ),
      { numRuns: 5000, examples: [["localhost"], ["[::1]:80"]] }
    )
  })

  test("has the same verdict after more names than the policy caches", () => {
    const policy = bound("127.0.0.1")
    for (let n = 0; n < 1000; n++) expect(host(policy, `h${n}.test`)).toBe(421)
    expect(host(policy, "localhost")).toBe(200)
  })
})

describe("the Origin header", () => {
  const foreign = [
    "",
    "null",
    "http://evil.test",
    "http://evil.test, http://127.0.0.1",
    "http://127.0.0.1, http://evil.test",
    "http://localhost@evil.test",
    "http://evil.test@localhost",
    "http://localhost.evil.test",
    "http://localhost/",
    "http://localhost://x",
    "http://localhost:",
    "file://",
    "ftp://localhost",
    "chrome-extension://abc",
    "localhost"
  ]

  test("is rejected with 403 if it is foreign, malformed or null", () => {
    for (const value of foreign) expect([value, origin(bound("127.0.0.1"), value)]).toEqual([value, 403])
  })

  test("on a loopback listener may be a loopback page on any port, by http or https", () => {
    for (const value of ["http://localhost:5173", "https://127.0.0.1", "http://[::1]:1"]) {
      expect([value, origin(bound("127.0.0.1"), value)]).toEqual([value, "own"])
      expect([value, origin(bound("0.0.0.0"), value)]).toEqual([value, 403])
    }
  })

  test("may be the server's own: same scheme, host and port", () => {
    const policy = bound("0.0.0.0")
    expect(origin(policy, "http://Example.com:8000".toLowerCase(), "Example.com:8000")).toBe("own")
    expect(origin(policy, "https://example.com:8000", "example.com:8000")).toBe(403)
    expect(origin(policy, "http://example.com", "example.com:8000")).toBe(403)
    expect(origin(bound("0.0.0.0"), "https://example.com", "example.com", true)).toBe("own")
  })

  test("may be on the allow-list, in the form of browsers", () => {
    const policy = bound("0.0.0.0", { corsOrigins: ["https://App.example.com:443", "app://notes"] })
    expect(origin(policy, "https://app.example.com")).toBe("listed")
    expect(origin(policy, "app://notes")).toBe("listed")
    expect(origin(policy, "http://app.example.com")).toBe(403)
  })
})

test("an invalid entry of the host or origin allow-list is reported", () => {
  const options = {
    hostname: "127.0.0.1",
    allowedHosts: ["a.test"],
    corsOrigins: ["https://a.test"]
  }
  expect(HostPolicy.mistake(options)).toBeUndefined()
  expect(HostPolicy.mistake({ ...options, allowedHosts: ["https://a.test"] })).toContain('"https://a.test"')
  expect(HostPolicy.mistake({ ...options, corsOrigins: ["*"] })).toContain('"*"')
  expect(HostPolicy.mistake({ ...options, corsOrigins: ["https://a.test/"] })).toContain('"https://a.test/"')
})
