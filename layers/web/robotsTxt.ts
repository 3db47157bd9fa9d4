/** Asks a site's `robots.txt` (RFC 9309) before one of its pages is fetched. */
import { Cache, Duration, Effect, Exit, type Scope } from "effect"
import { refused, type OutboundError } from "../outbound/OutboundError.ts"
import type { Outbound } from "../outbound/Outbound.ts"
import type { DocumentReader } from "./DocumentReader.ts"

/** RFC 9309, section 2.5, wants at least this much to be read, in bytes. */
const most = 500 * 1024
/** Sites whose rules are remembered, and for how long (section 2.4 allows a day). */
const sites = 256
const remembered = Duration.hours(1)
/** How long a site is left alone that could not say. */
const retried = Duration.minutes(1)

/** Sections 2.3.1.3 and 2.3.1.4: without a file everything is allowed; while the site cannot say, nothing is. */
type Rules = { readonly text: string } | "everything" | "nothing"

export const make = Effect.fnUntraced(function* (outbound: Outbound["Service"], readable: DocumentReader) {
  const read = (origin: string): Effect.Effect<Rules, OutboundError> =>
    Effect.gen(function* (): Effect.fn.Return<Rules, OutboundError, Scope.Scope> {
      const { prefix, status } = yield* outbound.request({ url: `${origin}/robots.txt`, maxBytes: most })
      if (status >= 500) return "nothing"
      if (status >= 300) return "everything"
      const { bytes } = yield* prefix
      return { text: new TextDecoder().decode(bytes) }
    }).pipe(
      Effect.scoped,
      // What may not be asked for its rules may not be asked for its pages either, and says so itself.
      Effect.catchIf(
        ({ reason }) => reason !== "refused",
        () => Effect.succeed<Rules>("nothing")
      )
    )
  const rules = yield* Cache.makeWith(read, {
    capacity: sites,
    timeToLive: (exit) => (Exit.isSuccess(exit) && exit.value !== "nothing" ? remembered : retried)
  })

  /** Fails with `refused` when the site does not want this URL to be fetched by programs of this name. */
  const admit = Effect.fn("robots.admit")(function* (url: URL) {
    const found = yield* Cache.get(rules, url.origin)
    if (found === "everything") return
    const agent = yield* outbound.userAgent
    const allowed =
      found !== "nothing" &&
      (yield* readable
        .allows({ text: found.text, url: url.href, agent })
        .pipe(Effect.orElseSucceed(() => false)))
    if (!allowed) return yield* refused("robots", `robots.txt of ${url.host} does not allow it`)
  })
  return { admit }
})
