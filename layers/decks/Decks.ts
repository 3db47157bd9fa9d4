/** Service that creates slide decks and keeps them in the output folder. */
import { Context, Effect, FileSystem, Layer, Path } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Outbound } from "../outbound/Outbound.ts"
import type { Deck, DeckRequest } from "./Deck.ts"
import type { DeckError } from "./DeckError.ts"
import { Output } from "../output/Output.ts"
import { section } from "../output/section.ts"

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
      const config = yield* ConfigSource
      const fs = yield* FileSystem.FileSystem
      const paths = yield* Path.Path
      const outbound = yield* Outbound
      const output = yield* Output
      // Loaded by the first call, so that a start pays for none of it. The section was checked when it was read.
      const load = yield* Effect.cached(
        Effect.map(
          Effect.promise(() => import("./createDeck.ts")),
          ({ make }) => make({ fs, paths, outbound, output, settings: Effect.orDie(config.read(section)) })
        )
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
