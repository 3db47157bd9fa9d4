/** Validation of applications before they are published: host names, targets and options. */
import { describe, expect } from "bun:test"
import { Effect, Schema } from "effect"
import { NewProxy } from "../../../layers/edge/proxies/Proxy.ts"
import { ProxyTable } from "../../../layers/edge/ProxyTable.ts"
import { sqlite } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { change, publish, refusal, tableOf } from "../../support/proxies.ts"

const target_url = "http://localhost:3000"
const app = { hostname: "app.example.com", target_url }

const hosts = Effect.gen(function* () {
  const { proxies } = yield* (yield* ProxyTable).list({ limit: 100 })
  return proxies.map((each) => `${each.hostname} ${each.target_url}`)
})

describe("what cannot be published", () => {
  const decode = Schema.decodeUnknownEffect(NewProxy, { onExcessProperty: "error" })
  const issues = (request: unknown) => Effect.map(Effect.flip(decode(request)), String)

  for (const hostname of [
    "",
    "../x",
    "a b",
    "*.",
    "*",
    "a.*.example.com",
    "https://a.example",
    "a.example:80",
    "a.example/x",
    "bücher.example",
    "xn--a.example",
    `${"a.".repeat(126)}ab`,
    `${"a".repeat(64)}.example`,
    "10.0.0.1",
    "0x7f.1",
    "2130706433",
    "[::1]",
    "localhost",
    "127.0.0.1",
    "a.example\u0000",
    "-a.example"
  ]) {
    it.effect(`the host name ${JSON.stringify(hostname).slice(0, 40)}`, () =>
      Effect.gen(function* () {
        expect(yield* issues({ ...app, hostname })).toContain('["hostname"]')
      })
    )
  }

  for (const target of [
    "",
    "localhost:3000",
    "file:///etc/passwd",
    "unix:/var/run/docker.sock",
    "ftp://a.example",
    "http://user:secret@a.example",
    "http://a.example/?q=1",
    "http://a.example/#x",
    "http://169.254.169.254/latest",
    "http://0xa9fea9fe/",
    "http://2852039166/",
    "http://[fe80::1]/",
    "http://metadata.google.internal/"
  ]) {
    it.effect(`the target ${JSON.stringify(target)}`, () =>
      Effect.gen(function* () {
        expect(yield* issues({ ...app, target_url: target })).toContain('["target_url"]')
      })
    )
  }

  for (const options of [
    { protect: "fly" },
    { set_headers: { "X-Upper": "1" } },
    { set_headers: { host: "x" } },
    { set_headers: { "x-forwarded-for": "x" } },
    { set_headers: { "content-length": "1" } },
    { set_headers: { "x-a": "a\r\nb: c" } },
    { set_headers: { "a b": "c" } },
    { remove_headers: ["connection"] },
    { response_timeout: 0 },
    { idle_timeout: 1e9 },
    { max_body_bytes: 0 },
    { max_requests: 1.5 },
    { protekt: "read" }
  ]) {
    it.effect(`the options ${JSON.stringify(options)}`, () =>
      Effect.gen(function* () {
        expect(yield* issues({ ...app, ...options })).toContain(`["${Object.keys(options)[0]}"]`)
      })
    )
  }

  it.live("names of the service itself, addresses that are never allowed, and more than the maximum", () =>
    Effect.gen(function* () {
      const storage = yield* sqlite
      const config = {
        server: {
          public_url: "https://mcp.example.com",
          allowed_hosts: ["box.example.com:8000"],
          port: 8123
        },
        edge: { domains: ["other.example.com"], max_proxies: 1 }
      }
      yield* Effect.gen(function* () {
        for (const hostname of [
          "mcp.example.com",
          "MCP.example.com",
          "box.example.com",
          "other.example.com."
        ]) {
          expect(yield* refusal(publish({ ...app, hostname }))).toStartWith("reserved: hostname:")
        }
        for (const target of [
          "https://mcp.example.com/app",
          "http://other.example.com",
          "http://127.0.0.1:8123",
          "http://localhost:8123/",
          "http://box.example.com:8123",
          "http://100.100.100.200",
          "http://[::ffff:a9fe:a9fe]",
          "http://0.0.0.0:3000"
        ]) {
          expect([target, yield* refusal(publish({ ...app, target_url: target }))]).toEqual([
            target,
            expect.stringContaining("target: target_url:")
          ])
        }
        expect(yield* hosts).toEqual([])
        yield* publish(app)
        expect(yield* refusal(publish({ ...app, hostname: "b.example.com" }))).toStartWith("too_many")
        yield* change({ ...app, target_url: "http://10.0.0.8" })
        expect(yield* hosts).toEqual(["app.example.com http://10.0.0.8"])
      }).pipe(Effect.provide(tableOf(storage, config)))
    })
  )
})
