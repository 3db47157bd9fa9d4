/** Host names that the edge serves: domains of the service, and the hosts of published applications. */
import { Context, Effect, Layer, PubSub, Stream } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { canonicalHost, isLoopback } from "../http/hosts.ts"
import * as http from "../http/section.ts"
import { section } from "./section.ts"

export class Domains extends Context.Service<
  Domains,
  {
    /**
     * Those of `edge.domains`, that of `server.public_url` unless it is a loopback name, and those of applications. In lower
     * case, each once: `mcp.example.com`, or `*.example.com` for all subdomains.
     */
    readonly names: Effect.Effect<ReadonlyArray<string>>
    /** The names now, and after each change. Changes that a slow reader missed are one. */
    readonly changes: Stream.Stream<ReadonlyArray<string>>
    /** Whether requests for the host, in lower case and without a port, are for the service itself. */
    readonly isOwn: (host: string) => boolean
    /** Replaces the hosts of published applications. */
    readonly publish: (hosts: () => Iterable<string>) => Effect.Effect<void>
  }
>()("manifold/edge/Domains") {
  static readonly layer = Layer.effect(
    Domains,
    Effect.gen(function* () {
      const config = yield* ConfigSource
      const changed = yield* PubSub.sliding<void>(1)
      const { public_url } = yield* config.read(http.section)
      const { hostname = "localhost" } = URL.parse(public_url ?? "") ?? {}
      const ownName = isLoopback(hostname) ? [] : [hostname]
      const { domains } = yield* config.read(section)
      const own = new Set([...ownName, ...domains].flatMap((domain) => canonicalHost(domain) ?? []))
      let published = (): Iterable<string> => []

      const names = Effect.sync(() => [...new Set([...own, ...published()])])

      return Domains.of({
        names,
        changes: Stream.unwrap(
          // Subscribed before the names are read, so that no change is missed.
          Effect.map(PubSub.subscribe(changed), (subscription) =>
            Stream.concat(Stream.make(undefined), Stream.fromSubscription(subscription)).pipe(
              Stream.mapEffect(() => names)
            )
          )
        ),
        isOwn: (host) => own.has(host),
        publish: (hosts) =>
          Effect.suspend(() => {
            published = hosts
            return PubSub.publish(changed, undefined)
          })
      })
    })
  )
}
