/** Everything of one kind that the user of the command line may see, over all pages. */
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

/** Their names. A list whose cursor is wrong cannot occur here. */
export const namesOf = (listing: Listing<{ readonly name: string }>) =>
  Effect.map(Effect.orDie(allPages(listing)), (items) => items.map(({ name }) => name))
