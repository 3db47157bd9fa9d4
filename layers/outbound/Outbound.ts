/** HTTP client for all outbound requests, with SSRF protection: targets are checked, addresses pinned, sizes limited. */
import { Context, Effect, Layer, type Scope } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Dns } from "../platform/Dns.ts"
import type { ConfiguredFetch } from "./configuredFetch.ts"
import type { OutboundError } from "./OutboundError.ts"
import type { OutboundRequest, OutboundResponse } from "./OutboundRequest.ts"
import { section, type Settings } from "./section.ts"

const make = (settings: Effect.Effect<Settings>, options: { readonly ca?: string }) =>
  Effect.gen(function* () {
    const dns = yield* Dns
    // Lazy: loaded by the first request, not at start.
    const sendOptions = yield* Effect.cached(
      Effect.map(settings, (read) => ({ ...options, settings: read, dns }))
    )
    const load = yield* Effect.cached(Effect.promise(() => import("./sendRequest.ts")))
    return Outbound.of({
      request: Effect.fn("Outbound.request")(function* (request: OutboundRequest) {
        const { sendRequest } = yield* load
        return yield* sendRequest(request, yield* sendOptions)
      }),
      configuredFetch: (maxBytes) =>
        Effect.gen(function* () {
          const { configuredFetch } = yield* Effect.promise(() => import("./configuredFetch.ts"))
          return configuredFetch(yield* sendOptions, maxBytes)
        }),
      userAgent: Effect.map(sendOptions, (it) => it.settings.user_agent)
    })
  })

export class Outbound extends Context.Service<
  Outbound,
  {
    /**
     * Only `http` and `https`. Every address of the name must be public, unless the operator allows the host or the range.
     * The connection goes to the checked address (pinning), and each redirect is checked again. The time limit includes
     * the body. Closing the scope closes the connection.
     */
    readonly request: (
      request: OutboundRequest
    ) => Effect.Effect<OutboundResponse, OutboundError, Scope.Scope>
    /**
     * A `fetch` for a library that requests only URLs of the configuration. A response body has at most `maxBytes` bytes;
     * the caller sets the time limit.
     */
    readonly configuredFetch: (maxBytes: number) => Effect.Effect<ConfiguredFetch>
    /** The User-Agent header. */
    readonly userAgent: Effect.Effect<string>
  }
>()("manifold/outbound/Outbound") {
  /** With the section `outbound`; `ca` (PEM) replaces the trusted certificates of the system. */
  static readonly layerWith = (options: { readonly ca?: string }) =>
    Layer.effect(
      Outbound,
      Effect.flatMap(ConfigSource, (config) => make(Effect.orDie(config.read(section)), options))
    )
  static readonly layerNoDeps = Outbound.layerWith({})
  /** The same with the system's resolver. */
  static readonly layer = Layer.provide(Outbound.layerNoDeps, Dns.layer)
}
