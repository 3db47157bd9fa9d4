/** Service that creates slide decks and keeps them in the output folder. */
import { Context, Effect, Layer } from "effect"
import type { ConfigSource } from "../config/ConfigSource.ts"
import type { Services } from "./createDeck.ts"
import type { Deck, DeckRequest } from "./Deck.ts"
import type { DeckError } from "./DeckError.ts"
import type { Output } from "../output/Output.ts"

export class Decks extends Context.Service<
  Decks,
  {
    /** Creates a deck; at most two at a time, and an interrupted call leaves no file. */
    readonly create: (request: DeckRequest) => Effect.Effect<Deck, DeckError>
  }
>()("manifold/decks/Decks") {
  static readonly layer = Layer.effect(
    Decks,
    Effect.gen(function* () {
      const services = yield* Effect.context<Services | ConfigSource | Output>()
      // Loaded by the first call, so that a start pays for none of it.
      const load = yield* Effect.promise(() => import("./createDeck.ts")).pipe(
        Effect.flatMap(({ make }) => make),
        Effect.provideContext(services),
        Effect.cached
      )
      return Decks.of({
        create: Effect.fn("Decks.create")(function* (request: DeckRequest) {
          const create = yield* load
          return yield* create(request)
        })
      })
    })
  )
}
