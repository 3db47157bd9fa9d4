/** Collects all pages of a catalog listing for the user of the command line. */
import { Effect } from "effect"
import type { Listing } from "../catalog/Catalog.ts"
import { stdioUser } from "../domain/Principal.ts"

export const allPages = Effect.fnUntraced(function* <A>(listing: Listing<A>) {
  const items: Array<A> = []
  let cursor: string | undefined
  do {
    const page = yield* listing(stdioUser, cursor)
    items.push(...page.items)
    cursor = page.next
  } while (cursor !== undefined)
  return items
})

/** The names of all entries. An invalid cursor is a defect here. */
export const namesOf = (listing: Listing<{ readonly name: string }>) =>
  Effect.map(Effect.orDie(allPages(listing)), (items) => items.map(({ name }) => name))
