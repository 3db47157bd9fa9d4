/** SSRF protection of the outbound client: hostile URLs, DNS rebinding, and redirects to either. */
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import fc from "fast-check"
import * as addresses from "../../../layers/outbound/addressScope.ts"
import { Outbound } from "../../../layers/outbound/Outbound.ts"
import { it } from "../../support/effect.ts"
import { client, rawSite, site, type Answers } from "../../support/sites.ts"
import { hostile } from "./hostileServer.ts"

const ok = () => new Response("reached")
const get = (url: string) =>
  Effect.flatMap(Outbound, (outbound) => outbound.request({ url, timeout: "5 seconds" }))

const internet: Answers = (name) => {
  if (name.endsWith("localhost")) return ["127.0.0.1", "::1"]
  if (name === "metadata.internal") return ["169.254.169.254"]
  if (name === "mixed.example") return ["93.184.215.14", "10.0.0.1"]
  if (name === "entry.test") return ["127.0.0.1"]
  return name.endsWith("example.com") ? ["93.184.215.14"] : undefined
}

describe("hostile URLs", () => {
  it.live(`are rejected without a connection, all ${hostile.length} of them`, () =>
    Effect.gen(function* () {
      const trap = yield* rawSite((socket) => socket.end("HTTP/1.1 200 OK\r\n\r\n"))
      for (const [form, why, about] of hostile) {
        const error = yield* Effect.flip(get(form.replace("PORT", String(trap.port)))).pipe(Effect.scoped)
        expect({ about, form, reason: error.reason, why: error.why }).toEqual({
          about,
          form,
          reason: "refused",
          why
        })
      }
      expect(trap.connections()).toBe(0)
    }).pipe(Effect.provide(client({ outbound: { allow_private: [] }, answers: internet })))
  )

  it.live("are rejected as the target of a redirect", () =>
    Effect.gen(function* () {
      const trap = yield* rawSite((socket) => socket.end("HTTP/1.1 200 OK\r\n\r\n"))
      let location = ""
      const entry = yield* site(() => new Response(null, { status: 302, headers: { location } }))
      // Not representable in a header, or relative to a base URL.
      const unusable = /^$|^\/\/|^http:\/\/$|[\n\t\0]|[^\u0020-\u00ff]|^http:(?!\/\/)/
      const forms = hostile.filter(([form]) => !unusable.test(form) && form !== "http:///127.0.0.1:PORT/")
      expect(forms.length).toBeGreaterThan(80)
      for (const [form, why, about] of forms) {
        location = form.replace("PORT", String(trap.port))
        const error = yield* Effect.flip(get(`http://entry.test:${entry.port}/`)).pipe(Effect.scoped)
        expect({ about, form, reason: error.reason, why: error.why }).toEqual({
          about,
          form,
          reason: "refused",
          why
        })
      }
      expect(entry.requests).toHaveLength(forms.length)
      expect(trap.connections()).toBe(0)
    }).pipe(
      Effect.provide(
        client({ outbound: { allow_private: [], allow_hosts: ["entry.test"] }, answers: internet })
      )
    )
  )

  it.live("are rejected at the end of a chain of redirects", () =>
    Effect.gen(function* () {
      const trap = yield* rawSite((socket) => socket.end("HTTP/1.1 200 OK\r\n\r\n"))
      const entry = yield* site(({ url }) => {
        const step = Number(new URL(url).pathname.slice(1))
        return Response.redirect(step < 3 ? `/${step + 1}` : `http://127.0.0.1:${trap.port}/`, 307)
      })
      const error = yield* Effect.flip(get(`http://entry.test:${entry.port}/0`))
      expect(error).toMatchObject({ reason: "refused", why: "address" })
      expect(entry.requests).toHaveLength(4)
      expect(trap.connections()).toBe(0)
    }).pipe(
      Effect.provide(
        client({ outbound: { allow_private: [], allow_hosts: ["entry.test"] }, answers: internet })
      )
    )
  )

  it.live("are rejected without revealing the address of an internal name", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(get("http://mixed.example/"))
      expect(error.message).toContain("mixed.example")
      expect(error.message).not.toContain("10.0.0.1")
    }).pipe(Effect.provide(client({ answers: internet })))
  )
})

describe("names with changing addresses", () => {
  const changing = (...answers: ReadonlyArray<ReadonlyArray<string>>) => {
    let lookups = 0
    return {
      answers: () => answers[Math.min(lookups++, answers.length - 1)],
      lookups: () => lookups
    }
  }

  it.live("are resolved once, and the checked address is the requested one", () => {
    const name = changing(["127.0.0.1"], ["169.254.169.254"])
    return Effect.gen(function* () {
      const { port, requests } = yield* site(ok)
      const { status } = yield* get(`http://rebind.example:${port}/`)
      expect(status).toBe(200)
      expect(name.lookups()).toBe(1)
      expect(requests[0]?.headers.get("host")).toBe(`rebind.example:${port}`)
    }).pipe(Effect.provide(client(name)))
  })

  it.live("are resolved and checked again for every redirect", () => {
    const name = changing(["127.0.0.1"], ["169.254.169.254"])
    return Effect.gen(function* () {
      const { port, requests } = yield* site(() => Response.redirect("/again", 302))
      const error = yield* Effect.flip(get(`http://rebind.example:${port}/`))
      expect(error).toMatchObject({ reason: "refused", why: "address" })
      expect(name.lookups()).toBe(2)
      expect(requests).toHaveLength(1)
    }).pipe(Effect.provide(client(name)))
  })

  it.live("must not mix a private address with public ones, in any order", () => {
    const name = changing(["93.184.215.14", "10.0.0.1"], ["10.0.0.1", "93.184.215.14"])
    return Effect.gen(function* () {
      for (const _ of [1, 2]) {
        const error = yield* Effect.flip(get("http://rebind.example/"))
        expect(error).toMatchObject({ reason: "refused", why: "address" })
      }
    }).pipe(Effect.provide(client(name)))
  })
})

describe("the operator may allow", () => {
  const outcome = (url: string) =>
    get(url).pipe(
      Effect.match({ onFailure: (error) => error.why ?? error.reason, onSuccess: ({ status }) => status }),
      Effect.scoped
    )

  it.live("a host, on any port or on one, while other names of its address stay blocked", () =>
    Effect.gen(function* () {
      const { port } = yield* site(ok)
      const { port: other } = yield* site(ok)
      const layer = client({
        outbound: { allow_private: [], allow_hosts: ["any.test", `one.test:${port}`, "[::1]"] }
      })
      yield* Effect.gen(function* () {
        expect(yield* outcome(`http://any.test:${port}/`)).toBe(200)
        expect(yield* outcome(`http://ANY.test.:${other}/`)).toBe(200)
        expect(yield* outcome(`http://one.test:${port}/`)).toBe(200)
        expect(yield* outcome(`http://one.test:${other}/`)).toBe("address")
        expect(yield* outcome(`http://sub.any.test:${port}/`)).toBe("address")
        expect(yield* outcome(`http://127.0.0.1:${port}/`)).toBe("address")
        // Allowed, but without a server.
        expect(yield* outcome(`http://[::1]:${port}/`)).toBe("connect")
      }).pipe(Effect.provide(layer))
    })
  )

  it.live("no metadata, link-local or mapped address", () =>
    Effect.gen(function* () {
      for (const name of ["meta", "link", "mapped", "azure", "nat64"]) {
        expect(yield* outcome(`http://${name}.test/`)).toBe("address")
      }
    }).pipe(
      Effect.provide(
        client({
          outbound: {
            allow_hosts: ["meta.test", "link.test", "mapped.test", "azure.test", "nat64.test"],
            allow_private: ["0.0.0.0/0", "::/0"]
          },
          answers: (name) =>
            ({
              "meta.test": ["169.254.169.254"],
              "link.test": ["fe80::1"],
              "mapped.test": ["::ffff:127.0.0.1"],
              "azure.test": ["168.63.129.16"],
              "nat64.test": ["64:ff9b::a9fe:a9fe"]
            })[name]
        })
      )
    )
  )

  it.live("ports: all but those of other protocols, only some, or one for one host", () =>
    Effect.gen(function* () {
      const { port } = yield* site(ok)
      const closed = { outbound: { ports: [443], allow_hosts: [`open.test:${port}`] } }
      expect(yield* outcome(`http://any.test:${port}/`).pipe(Effect.provide(client()))).toBe(200)
      expect(yield* outcome(`http://any.test:${port}/`).pipe(Effect.provide(client(closed)))).toBe("port")
      expect(yield* outcome(`http://open.test:${port}/`).pipe(Effect.provide(client(closed)))).toBe(200)
    })
  )
})

describe("addresses", () => {
  /** IANA's special-purpose registries (RFC 6890 and later), as numbers. */
  const special: ReadonlyArray<readonly [first: number, bits: number]> = [
    [0x00000000, 8],
    [0x0a000000, 8],
    [0x64400000, 10],
    [0x7f000000, 8],
    [0xa9fe0000, 16],
    [0xac100000, 12],
    [0xc0000000, 24],
    [0xc0000200, 24],
    [0xc01fc400, 24],
    [0xc034c100, 24],
    [0xc0586300, 24],
    [0xc0a80000, 16],
    [0xc0af3000, 24],
    [0xc6120000, 15],
    [0xc6336400, 24],
    [0xcb007100, 24],
    [0xe0000000, 3],
    [0xa83f8110, 32]
  ]
  const isSpecial = (address: number) =>
    special.some(
      ([first, bits]) => Math.floor(address / 2 ** (32 - bits)) === Math.floor(first / 2 ** (32 - bits))
    )
  const dotted = (address: number) => [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".")
  const any = fc.nat(2 ** 32 - 1)
  const near = fc
    .tuple(fc.constantFrom(...special), fc.integer({ min: -2, max: 2 }), fc.boolean())
    .map(([[first, bits], off, end]) => (first + (end ? 2 ** (32 - bits) : 0) + off + 2 ** 32) % 2 ** 32)

  test("of IPv4 are public exactly if no registry reserves them", () => {
    fc.assert(
      fc.property(fc.oneof(any, near), (address) => {
        expect(addresses.scopeOf(dotted(address)) === "public").toBe(!isSpecial(address))
      }),
      { numRuns: 2000 }
    )
  })

  test("are the same in every notation", () => {
    fc.assert(
      fc.property(fc.oneof(any, near), (address) => {
        const forms = [String(address), `0x${address.toString(16)}`, `0${address.toString(8)}`]
        for (const form of forms) expect(new URL(`http://${form}/`).hostname).toBe(dotted(address))
      })
    )
  })

  test("that embed a private IPv4 address are never public", () => {
    fc.assert(
      fc.property(near, (address) => {
        const [high, low] = [(address >>> 16).toString(16), (address & 0xffff).toString(16)]
        for (const form of [
          `::ffff:${high}:${low}`,
          `::${high}:${low}`,
          `64:ff9b::${high}:${low}`,
          `64:ff9b:1::${high}:${low}`,
          `2002:${high}:${low}::1`
        ]) {
          expect(addresses.scopeOf(form)).not.toBe("public")
        }
      })
    )
  })

  test.each(["", "localhost", "1.2.3", "fe80::1%eth0", "::1::", "999.1.1.1"])(
    "%j is not an address",
    (text) => {
      expect(addresses.scopeOf(text)).not.toBe("public")
    }
  )

  test.each(["8.8.8.8", "2606:4700:4700::1111", "2a00:1450:4001::1"])("%s is public", (address) => {
    expect(addresses.scopeOf(address)).toBe("public")
  })
})
