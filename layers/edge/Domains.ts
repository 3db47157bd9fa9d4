/** Host names that the edge serves: domains of the service, and the hosts of published applications. */
import { Context, Effect, Equal, Layer, PubSub, Stream } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { ownHosts } from "./ownHosts.ts"
import { type EdgeSettings, section } from "./section.ts"

/** Settings that are read at the start: a reload of the configuration does not change them. */
const fixed = [
  "domains",
  "host",
  "https_port",
  "http_port",
  "redirect_port",
  "hsts",
  "max_proxies",
  "max_body_bytes"
] as const

const warnOfChange = (before: EdgeSettings) => (now: EdgeSettings) => {
  const changed = fixed.filter((name) => !Equal.equals(now[name], before[name]))
  return changed.length === 0
    ? Effect.void
    : Effect.logWarning(`restart the service to apply ${changed.map((name) => `edge.${name}`).join(", ")}`)
}

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
      const own = yield* ownHosts
      const config = yield* ConfigSource
      yield* config.follow(section, warnOfChange(yield* config.read(section)))
      const changed = yield* PubSub.sliding<void>(1)
      let published = (): Iterable<string> => []

      const names = Effect.sync(() => [...new Set([...own.domains, ...published()])])

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
        isOwn: own.isOwn,
        publish: (hosts) =>
          Effect.suspend(() => {
            published = hosts
            return PubSub.publish(changed, undefined)
          })
      })
    })
  )
}
