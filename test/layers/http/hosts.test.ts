/** Loopback: bind rule, host allow-list and peers agree on every spelling. */
import { expect } from "bun:test"
import { Effect, Layer } from "effect"
import { Audit } from "../../../layers/audit/Audit.ts"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import * as HostPolicy from "../../../layers/http/HostPolicy.ts"
import { Authenticator } from "../../../layers/identity/Authenticator.ts"
import { CredentialVerifiers } from "../../../layers/identity/CredentialVerifiers.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { it } from "../../support/effect.ts"
import { listen } from "../../support/listener.ts"
import { raw } from "../../support/rawHttp.ts"

const spellings = [
  "localhost",
  "LOCALHOST",
  "LocalHost",
  "localhost.",
  "LOCALHOST.",
  "127.0.0.1",
  "127.255.255.255",
  "127.9.9.9",
  "::1",
  "[::1]",
  "::ffff:127.0.0.1",
  "::FFFF:127.0.0.1",
  "[::ffff:127.0.0.1]",
  "0.0.0.0",
  "::",
  "[::]",
  "",
  "localhost..",
  "localhost.example.com",
  "127.0.0.256",
  "127.1",
  "2130706433",
  "0x7f.0.0.1",
  "::ffff:10.0.0.1",
  "::ffff:127.0.0.1.example.com",
  "0:0:0:0:0:0:0:1",
  "[::1",
  "10.0.0.1",
  "example.com"
]

it.effect("exactly the addresses that may be bound without a token have DNS rebinding protection", () =>
  Effect.gen(function* () {
    const { requireFor } = yield* Authenticator
    for (const hostname of spellings) {
      const mayBind = (yield* Effect.exit(requireFor(hostname)))._tag === "Success"
      const policy = HostPolicy.make({ hostname, allowedHosts: [], corsOrigins: [] })
      const isProtected = policy.host("evil.example")?.status === 421
      expect([hostname, isProtected]).toEqual([hostname, mayBind])
    }
  }).pipe(
    Effect.provide(
      Authenticator.layer.pipe(
        Layer.provide([Audit.layerNone, ConfigSource.layerFrom({}), CredentialVerifiers.layer, Ids.layer])
      )
    )
  )
)

it.live("a listener bound to LOCALHOST rejects a foreign Host and a foreign Origin", () =>
  Effect.gen(function* () {
    const { port } = yield* listen([{ paths: ["/x"], fetch: () => new Response("secret") }], {
      hostname: "LOCALHOST"
    })
    const get = (lines: string) =>
      Effect.map(
        Effect.promise(() => raw(port, `GET /x HTTP/1.1\r\n${lines}\r\n`)),
        ({ status }) => status
      )
    expect(yield* get("Host: evil.example\r\n")).toBe(421)
    expect(yield* get("Host: evil.example\r\nOrigin: http://evil.example\r\n")).toBe(421)
    expect(yield* get("Host: localhost\r\nOrigin: http://evil.example\r\n")).toBe(403)
    expect(yield* get("Host: LocalHost\r\n")).toBe(200)
  })
)
