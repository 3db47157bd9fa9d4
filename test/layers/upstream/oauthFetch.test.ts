/** Requests to authorization servers: which addresses they reach. */
import { expect } from "bun:test"
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import * as outbound from "../../../layers/outbound/section.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { Dns } from "../../../layers/platform/Dns.ts"
import { oauthFetch } from "../../../layers/upstream/oauth/oauthFetch.ts"
import { tokenRequests } from "../../../layers/upstream/oauth/tokenRequests.ts"
import { it } from "../../support/effect.ts"

const server = Effect.acquireRelease(
  Effect.sync(() =>
    Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: ({ url }) =>
        url.endsWith("/token")
          ? Response.json(
              { error: "invalid_grant", error_description: "refresh token secret-1 is revoked" },
              { status: 400 }
            )
          : new Response("metadata")
    })
  ),
  (running) => Effect.promise(() => running.stop(true))
)

const options = Effect.gen(function* () {
  return { dns: yield* Dns, settings: yield* (yield* ConfigSource).read(outbound.section) }
})

const services = Layer.merge(Dns.layer, ConfigSource.layerFrom({})).pipe(
  Layer.provideMerge(Layer.merge(Platform.layer, Environment.layerTest({})))
)

const attempt = (request: Promise<Response>) =>
  Effect.promise(() => request.then((response) => response.text()).catch((error: unknown) => String(error)))

it.live("a private address is reached only at a host that the settings name", () =>
  Effect.gen(function* () {
    const { port } = yield* server
    const given = yield* options
    const url = `http://127.0.0.1:${port}/.well-known/oauth-authorization-server`
    const named = oauthFetch(given, ["http://127.0.0.1:1/mcp", undefined])
    expect(yield* attempt(named(url))).toBe("metadata")
    const other = oauthFetch(given, ["https://mcp.example.com/mcp"])
    expect(yield* attempt(other(url))).toContain("refused")
    const metadata = oauthFetch(given, ["http://169.254.169.254/mcp"])
    expect(yield* attempt(metadata("http://169.254.169.254/latest"))).toContain("refused")
  }).pipe(Effect.provide(services))
)

it.live("the error of a token request has the code, and no text of the server", () =>
  Effect.gen(function* () {
    const { port } = yield* server
    const fetch = tokenRequests(oauthFetch(yield* options, ["http://127.0.0.1/"]))
    const error = yield* attempt(
      fetch(`http://127.0.0.1:${port}/token`, { method: "POST", body: new URLSearchParams({ a: "b" }) })
    )
    expect(error).toContain("invalid_grant")
    expect(error).not.toContain("secret-1")
  }).pipe(Effect.provide(services))
)
