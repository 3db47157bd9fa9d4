/** Publishes the entries of one upstream server in the catalog, again whenever its lists or its URIs change. */
import { Effect, Semaphore } from "effect"
import type { Audience } from "../catalog/Audience.ts"
import { Catalog } from "../catalog/Catalog.ts"
import type { Contribution } from "../catalog/Contribution.ts"
import type { Lifetimes } from "../catalog/EntryTable.ts"
import type { Decoders } from "./definitions.ts"
import { entriesOf } from "./entries.ts"
import type { Source } from "./Source.ts"
import type { Lists } from "./lists.ts"
import type { UriOrder } from "./UriOrder.ts"

/** Malformed definitions that a log line names. */
const maxNamed = 10

export interface PublishOptions {
  readonly name: string
  readonly source: Source
  readonly visibleTo: Audience
  readonly lists: Lists
  readonly decode: Decoders
  /** How long clients may cache lists of the entries. */
  readonly lifetimes: Lifetimes
  /** Catalog lists wait for it. */
  readonly pending: Effect.Effect<void> | undefined
  /** The name of calls in metrics. Absent: those of the entries. */
  readonly callsAs: string | undefined
  /** Absent: no URI is mapped. */
  readonly uriOrder: UriOrder | undefined
}

export type PublishedEntries = Effect.Success<ReturnType<typeof publishEntries>>

export const publishEntries = Effect.fnUntraced(function* (options: PublishOptions) {
  const { callsAs, decode, lifetimes, name, pending, source, uriOrder, visibleTo } = options
  const catalog = yield* Catalog
  const turn = Semaphore.makeUnsafe(1)
  let { lists } = options
  let contribution: Contribution | undefined

  const again = turn.withPermit(
    Effect.suspend(() => {
      const { entries, malformed } = entriesOf(source, lists)
      return Effect.map(contribution?.replace(entries) ?? Effect.succeed({ conflicts: [] }), (report) => ({
        ...report,
        malformed
      }))
    })
  )
  const membership =
    uriOrder === undefined
      ? undefined
      : yield* uriOrder.join({ name, visibleTo, changed: Effect.asVoid(again) })
  source.uris = () => membership?.mapping()
  const settle = () => membership?.update(lists) ?? Effect.void

  yield* settle()
  yield* turn.withPermit(
    Effect.suspend(() =>
      catalog.contribute({
        owner: name,
        entries: entriesOf(source, lists, decode).entries,
        visibleTo,
        lifetimes,
        callsAs,
        ...(pending !== undefined && { pending })
      })
    ).pipe(Effect.tap((made) => Effect.sync(() => (contribution = made))))
  )
  return {
    /** New lists of the server. */
    replace: Effect.fnUntraced(function* (next: Lists) {
      lists = next
      // Entries of other servers may have moved already.
      const { conflicts, malformed } = yield* Effect.uninterruptible(Effect.andThen(settle(), again))
      if (malformed.length > 0) {
        yield* Effect.logWarning(
          `upstream ${name}: ${malformed.length} malformed definitions are not served`,
          malformed.slice(0, maxNamed)
        )
      }
      return conflicts
    }),
    /** New contents of a resource, by the server's own URI. */
    updated: (uri: string) =>
      Effect.suspend(() => contribution?.updated(source.uris()?.toServed(uri) ?? uri) ?? Effect.void)
  }
})
