/** Negotiation of the content coding, for valid and malformed Accept-Encoding headers. */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { choose, encodings } from "../../../layers/http/contentCodings.ts"

test("the preferred coding of the client is chosen, and the server decides between equals", () => {
  const cases: ReadonlyArray<readonly [string | null, string | undefined, boolean]> = [
    [null, undefined, true],
    ["", undefined, true],
    ["gzip", "gzip", true],
    ["GZIP", "gzip", true],
    ["x-gzip", "gzip", true],
    ["gzip, deflate, br, zstd", "zstd", true],
    ["gzip, deflate, br", "br", true],
    ["gzip;q=1.0, br;q=0.5", "gzip", true],
    ["gzip;q=0.001, deflate;q=0.002", "deflate", true],
    ["br ; q=0, gzip", "gzip", true],
    ["*", "zstd", true],
    ["*;q=0", undefined, false],
    ["*;q=0, identity", undefined, true],
    ["zstd;q=0, *", "br", true],
    ["identity;q=0", undefined, false],
    ["identity;q=0, gzip", "gzip", false],
    ["identity;q=0, *;q=0.1", "zstd", false],
    ["identity, gzip;q=0.5", undefined, true],
    ["identity;q=0.5, gzip", "gzip", true],
    ["compress", undefined, true],
    ["compress;q=1, identity;q=0", undefined, false],
    [", gzip,, ", "gzip", true]
  ]
  for (const [header, encoding, identity] of cases) {
    const choice = choose(header)
    expect([header, choice.encoding, choice.identity]).toEqual([header, encoding, identity])
  }
})

test("a malformed Accept-Encoding counts as absent", () => {
  for (const header of [
    "gzip;q=2",
    "gzip;q=1.5",
    "gzip;q=0.1234",
    "gzip;q=-1",
    "gzip;q=",
    "gzip;q=NaN",
    "gzip;level=9",
    "gzip br",
    "gzip;;q=1",
    "gzip, b(r",
    '"gzip"',
    "identity;q=0, gzip;q=x",
    "\u00e9",
    `gzip${" ".repeat(2000)}`,
    `${"gzip,".repeat(300)}gzip`
  ]) {
    expect([header, choose(header)]).toEqual([header, { identity: true }])
  }
})

test("any Accept-Encoding leads to a coding that it names and does not refuse, or to none", () => {
  const coding = fc.constantFrom(...encodings, "identity", "*", "compress")
  const weight = fc.integer({ min: 0, max: 1000 })
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(coding, weight), { selector: ([name]) => name }), (given) => {
      const header = given.map(([name, thousandths]) => `${name};q=${(thousandths / 1000).toFixed(3)}`)
      const { encoding, identity } = choose(header.join(", "))
      const weights = new Map<string, number>(given)
      if (encoding !== undefined) expect(weights.get(encoding) ?? weights.get("*") ?? 0).toBeGreaterThan(0)
      if (!identity) expect(weights.get("identity") ?? weights.get("*")).toBe(0)
    })
  )
  fc.assert(
    fc.property(fc.string(), (header) => {
      const { encoding } = choose(header)
      if (encoding !== undefined) expect(header.toLowerCase()).toMatch(/\*|zstd|br|gzip|deflate/)
    })
  )
})
