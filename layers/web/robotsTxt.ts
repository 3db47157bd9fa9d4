/** Checks `robots.txt` (RFC 9309) before a page is fetched. */
import { Cache, Duration, Effect, Exit, type Scope } from "effect"
import { refused, type OutboundError } from "../outbound/OutboundError.ts"
import type { Outbound } from "../outbound/Outbound.ts"
import type { DocumentReader } from "./DocumentReader.ts"

/** Maximum size in bytes; the minimum of RFC 9309, section 2.5. */
const maxBytes = 500 * 1024
/** Capacity and TTL of the cache of rules (section 2.4 allows a day). */
const sites = 256
const ttl = Duration.hours(1)
/** TTL for sites whose file is unavailable. */
const unavailableTtl = Duration.minutes(1)

/** Sections 2.3.1.3 and 2.3.1.4: everything is allowed without a file, and nothing while the file is unavailable. */
type Rules = { readonly text: string } | "everything" | "nothing"

export const make = Effect.fnUntraced(function* (outbound: Outbound["Service"], readable: DocumentReader) {
  const read = (origin: string): Effect.Effect<Rules, OutboundError> =>
    Effect.gen(function* (): Effect.fn.Return<Rules, OutboundError, Scope.Scope> {
      const { prefix, status } = yield* outbound.request({ url: `${origin}/robots.txt`, maxBytes })
      if (status >= 500) return "nothing"
      if (status >= 300) return "everything"
      const { bytes } = yield* prefix
      return { text: new TextDecoder().decode(bytes) }
    }).pipe(
      Effect.scoped,
      // A refused target is also refused for its pages, with its own error.
      Effect.catchIf(
        ({ reason }) => reason !== "refused",
        () => Effect.succeed<Rules>("nothing")
      )
    )
  const rules = yield* Cache.makeWith(read, {
    capacity: sites,
    timeToLive: (exit) => (Exit.isSuccess(exit) && exit.value !== "nothing" ? ttl : unavailableTtl)
  })

  /** Fails with `refused` if the rules disallow this URL for the user agent. */
  const admit = Effect.fn("robots.admit")(function* (url: URL) {
    const found = yield* Cache.get(rules, url.origin)
    if (found === "everything") return
    const agent = yield* outbound.userAgent
    const allowed =
      found !== "nothing" &&
      (yield* readable
        .allows({ text: found.text, url: url.href, agent })
        .pipe(Effect.orElseSucceed(() => false)))
    if (!allowed) return yield* refused("robots", `disallowed by robots.txt of ${url.host}`)
  })
  return { admit }
})
