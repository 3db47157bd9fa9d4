/** Which Host and Origin values come in, bound to this machine and bound to the world. */
import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import * as HostPolicy from "../../../layers/http/HostPolicy.ts"

const bound = (hostname: string, more: Partial<HostPolicy.HostPolicyOptions> = {}) =>
  HostPolicy.make({ hostname, allowedHosts: [], corsOrigins: [], secure: false, ...more })

const host = (door: HostPolicy.HostPolicy, value: string | null) => door.host(value)?.status ?? 200
const origin = (door: HostPolicy.HostPolicy, value: string, at = "127.0.0.1:8000") => {
  const standing = door.origin(value, at)
  return standing instanceof Response ? standing.status : standing
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

describe("Host", () => {
  test("a missing or malformed one is 400, however often it comes", () => {
    for (const door of [bound("127.0.0.1"), bound("0.0.0.0")]) {
      for (const value of [null, ...malformed, ...malformed])
        expect([value, host(door, value)]).toEqual([value, 400])
    }
  })

  test("bound to this machine: its own names on any port, others are 421", () => {
    const door = bound("127.0.0.1", { allowedHosts: ["Example.com", "other.test:8443"] })
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
    for (const value of [...own, ...listed]) expect([value, host(door, value)]).toEqual([value, 200])
    const foreign = ["evil.test", "other.test", "localhost.evil.test", "2130706433", "0x7f.1", "127.1"]
    for (const value of foreign) expect([value, host(door, value)]).toEqual([value, 421])
  })

  test("bound to the world: any name, unless there is a list", () => {
    expect(host(bound("0.0.0.0"), "anything.test")).toBe(200)
    const listed = bound("0.0.0.0", { allowedHosts: ["example.com"] })
    expect(host(listed, "example.com")).toBe(200)
    expect(host(listed, "localhost")).toBe(200)
    expect(host(listed, "anything.test")).toBe(421)
  })

  test("what comes in at the loopback door means this machine to a URL parser as well", () => {
    const door = bound("127.0.0.1")
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
          if (host(door, value) === 200) expect(new URL(`http://${value}/`).hostname).toMatch(loopback)
        }
      ),
      { numRuns: 5000, examples: [["localhost"], ["[::1]:80"]] }
    )
  })

  test("more names than are remembered change no verdict", () => {
    const door = bound("127.0.0.1")
    for (let n = 0; n < 1000; n++) expect(host(door, `h${n}.test`)).toBe(421)
    expect(host(door, "localhost")).toBe(200)
  })
})

describe("Origin", () => {
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

  test("foreign, malformed and null ones are 403", () => {
    for (const value of foreign) expect([value, origin(bound("127.0.0.1"), value)]).toEqual([value, 403])
  })

  test("bound to this machine: its pages may call, on any port and by http or https", () => {
    for (const value of ["http://localhost:5173", "https://127.0.0.1", "http://[::1]:1"]) {
      expect([value, origin(bound("127.0.0.1"), value)]).toEqual([value, "own"])
      expect([value, origin(bound("0.0.0.0"), value)]).toEqual([value, 403])
    }
  })

  test("the server's own pages may call: same scheme, same host, same port", () => {
    const door = bound("0.0.0.0")
    expect(origin(door, "http://Example.com:8000".toLowerCase(), "Example.com:8000")).toBe("own")
    expect(origin(door, "https://example.com:8000", "example.com:8000")).toBe(403)
    expect(origin(door, "http://example.com", "example.com:8000")).toBe(403)
    expect(origin(bound("0.0.0.0", { secure: true }), "https://example.com", "example.com")).toBe("own")
  })

  test("listed ones are listed, as browsers would write them", () => {
    const door = bound("0.0.0.0", { corsOrigins: ["https://App.example.com:443", "app://notes"] })
    expect(origin(door, "https://app.example.com")).toBe("listed")
    expect(origin(door, "app://notes")).toBe("listed")
    expect(origin(door, "http://app.example.com")).toBe(403)
  })
})

test("what the operator wrote wrongly is named", () => {
  const options = {
    hostname: "127.0.0.1",
    allowedHosts: ["a.test"],
    corsOrigins: ["https://a.test"],
    secure: false
  }
  expect(HostPolicy.mistake(options)).toBeUndefined()
  expect(HostPolicy.mistake({ ...options, allowedHosts: ["https://a.test"] })).toContain('"https://a.test"')
  expect(HostPolicy.mistake({ ...options, corsOrigins: ["*"] })).toContain('"*"')
  expect(HostPolicy.mistake({ ...options, corsOrigins: ["https://a.test/"] })).toContain('"https://a.test/"')
})
