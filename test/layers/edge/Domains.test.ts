/** Names that the edge serves, as their consumers see them. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Domains } from "../../../layers/edge/Domains.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { it } from "../../support/effect.ts"

const domains = (config: Record<string, unknown>) =>
  Domains.layer.pipe(
    Layer.provide(ConfigSource.layerFrom(config)),
    Layer.provide(Layer.merge(Environment.layerTest({}), Platform.layer))
  )

describe("Domains", () => {
  it.effect("has the configured domains and the public host, in canonical form and once", () =>
    Effect.gen(function* () {
      const { isOwn, names } = yield* Domains
      expect(yield* names).toEqual(["mcp.example.com", "other.example"])
      expect([isOwn("mcp.example.com"), isOwn("app.example.com")]).toEqual([true, false])
    }).pipe(
      Effect.provide(
        domains({
          server: { public_url: "https://mcp.example.com:8443/base" },
          edge: { domains: ["MCP.example.com", "other.example."] }
        })
      )
    )
  )

  it.effect("has no loopback name", () =>
    Effect.gen(function* () {
      expect(yield* (yield* Domains).names).toEqual([])
    }).pipe(Effect.provide(domains({ server: { public_url: "http://127.0.0.1:8000" } })))
  )

  it.effect("announces the names now and after each change", () =>
    Effect.gen(function* () {
      const { changes, publish } = yield* Domains
      const first = yield* Deferred.make<void>()
      const seen: Array<ReadonlyArray<string>> = []
      const reader = yield* changes.pipe(
        Stream.take(2),
        Stream.runForEach((names) => {
          seen.push(names)
          return Deferred.succeed(first, undefined)
        }),
        Effect.forkChild
      )
      yield* Deferred.await(first)
      yield* publish(() => ["app.example.com", "*.apps.example.com"])
      yield* Fiber.join(reader)
      expect(seen).toEqual([["a.example"], ["a.example", "app.example.com", "*.apps.example.com"]])
    }).pipe(Effect.provide(domains({ edge: { domains: ["a.example"] } })))
  )

  it.effect("rejects what is not a host name", () =>
    Effect.gen(function* () {
      for (const bad of ["https://a.example", "*.a.example", "10.0.0.1", "[::1]", "a b", "a.example:80"]) {
        const error = yield* Effect.flip(Effect.provide(Domains, domains({ edge: { domains: [bad] } })))
        expect(error._tag).toBe("ConfigInvalid")
      }
    })
  )
})
