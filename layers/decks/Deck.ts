/** What is asked for with a deck, and what is told of it. */
import type { Principal } from "../../src/domain/Principal.ts"
import { Schema } from "effect"
import type { Effect } from "effect"
import type { Request } from "./outline/arrange.ts"

/** What is being done now. */
export const steps = ["theme", "outline", "pictures", "draw", "write"] as const
export type Step = (typeof steps)[number]

export interface DeckRequest extends Request {
  /** Whose output folder it is kept in. */
  readonly owner: Principal
  /** Absent: the configured one. */
  readonly theme?: string | undefined
  readonly onStep: (step: Step) => Effect.Effect<void>
}

export const Page = Schema.Struct({
  slide: Schema.Int,
  layout: Schema.String,
  headline: Schema.String,
  points: Schema.Array(Schema.String)
})

export const Deck = Schema.Struct({
  path: Schema.String.annotate({ description: "The file, on the machine of this server." }),
  uri: Schema.String.annotate({ description: "The file, as a resource to read." }),
  slides: Schema.Int,
  outline: Schema.Array(Page),
  remarks: Schema.Array(Schema.String).annotate({ description: "What could not be done as asked." })
})
export type Deck = typeof Deck.Type
