/** Headers of every response: the request id and the security headers. */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import type { Route } from "../../../layers/http/Routes.ts"
import { certificate, machine, possible } from "../../support/certificate.ts"
import { curl } from "../../support/curl.ts"
import { it } from "../../support/effect.ts"
import { listen } from "../../support/listener.ts"

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const page = "default-src 'self'"
const routes: ReadonlyArray<Route<string>> = [
  { paths: ["/"], fetch: (_, { requestId }) => Response.json({ requestId }) },
  {
    paths: ["/page"],
    fetch: () =>
      new Response("<p>", {
        headers: {
          "content-type": "text/html",
          "content-security-policy": page,
          "cache-control": "max-age=60"
        }
      })
  },
  { paths: ["/raw"], fetch: () => new Response("passed on"), raw: true },
  {
    paths: ["/broken"],
    fetch: () => {
      throw new Error("broken")
    }
  }
]

const given = (id: string) => ["-H", `X-Request-Id: ${id}`]

it.live("a valid X-Request-Id is returned and passed to the route, and any other is replaced", () =>
  Effect.gen(function* () {
    const { url } = yield* listen(routes)
    for (const id of ["a", "req-1_2.3:4/5+6=7@8", "x".repeat(128)]) {
      const { body, headers } = yield* curl(`${url}/`, ...given(id))
      expect(headers.get("x-request-id")).toBe(id)
      expect(JSON.parse(Buffer.from(body).toString())).toEqual({ requestId: id })
    }
    const made = new Set<string>()
    const bad = ["x".repeat(129), "a b", "<script>", "a;b", "\u00e9", '"', "a\tb"]
    for (const options of [[], ...bad.map(given)]) {
      const { body, headers } = yield* curl(`${url}/`, ...options)
      const id = headers.get("x-request-id") ?? ""
      expect(id).toMatch(uuid)
      expect(JSON.parse(Buffer.from(body).toString())).toEqual({ requestId: id })
      made.add(id)
    }
    expect(made.size).toBe(bad.length + 1)
    const twice = yield* curl(`${url}/`, ...given("one"), ...given("two"))
    expect(twice.headers.get("x-request-id")).toMatch(uuid)
  })
)

it.live(
  "every response has security headers, including rejections and failures, and a page may override them",
  () =>
    Effect.gen(function* () {
      const { url } = yield* listen(routes)
      for (const [path, status, options] of [
        ["/", 200, []],
        ["/nowhere", 404, []],
        ["/broken", 500, []],
        ["/", 405, ["-X", "TRACE"]],
        ["/", 421, ["-H", "Host: evil.test"]],
        ["/", 403, ["-H", "Origin: https://evil.test"]]
      ] as const) {
        const response = yield* curl(url + path, ...options)
        expect([path, response.status]).toEqual([path, status])
        expect(response.headers.get("x-request-id")).toMatch(uuid)
        expect(response.headers.get("x-content-type-options")).toBe("nosniff")
        expect(response.headers.get("content-security-policy")).toBe(
          "default-src 'none'; frame-ancestors 'none'"
        )
        expect(response.headers.get("referrer-policy")).toBe("no-referrer")
        expect(response.headers.get("cache-control")).toBe("no-store")
        // Browsers ignore HSTS over HTTP (RFC 6797, section 7.2).
        expect(response.headers.has("strict-transport-security")).toBe(false)
      }
      const { headers } = yield* curl(`${url}/page`)
      expect([headers.get("content-security-policy"), headers.get("cache-control")]).toEqual([
        page,
        "max-age=60"
      ])
      expect((yield* curl(`${url}/raw`)).headers.has("content-security-policy")).toBe(false)
    })
)

test.skipIf(!possible)("over TLS, responses have Strict-Transport-Security", () =>
  Effect.gen(function* () {
    const { url } = yield* listen(routes, { tls: yield* certificate })
    const { headers } = yield* curl(`${url}/`, "-k")
    expect(headers.get("strict-transport-security")).toBe("max-age=31536000")
  }).pipe(Effect.scoped, Effect.provide(machine), Effect.runPromise)
)

test.skipIf(!possible)("a rejection before the body is read reaches clients of HTTP/2", () =>
  Effect.gen(function* () {
    const { url } = yield* listen(routes, { tls: yield* certificate })
    for (let attempt = 0; attempt < 10; attempt++) {
      const { status, version } = yield* curl(`${url}/nowhere`, "-k", "--http2", "-d", "{}")
      expect([status, version]).toEqual([404, "2"])
    }
  }).pipe(Effect.scoped, Effect.provide(machine), Effect.runPromise)
)
