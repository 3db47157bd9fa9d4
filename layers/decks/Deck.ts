/** Request and result of a deck. */
import type { Principal } from "../../src/domain/Principal.ts"
import { Schema } from "effect"
import type { Effect } from "effect"
import type { Request } from "./outline/arrange.ts"
import { Outline } from "./outline/Outline.ts"

export const steps = ["theme", "outline", "pictures", "draw", "write"] as const
export type Step = (typeof steps)[number]

export interface DeckRequest extends Request {
  /** The principal whose output folder keeps the file. */
  readonly owner: Principal
  /** The slides; absent: rules arrange the details. */
  readonly outline?: Outline | undefined
  /** Absent: the configured theme. */
  readonly theme?: string | undefined
  readonly onStep: (step: Step) => Effect.Effect<void>
}

export const Deck = Schema.Struct({
  path: Schema.String.annotate({ description: "Path of the file on the server's machine." }),
  uri: Schema.String.annotate({ description: "URI of the file as a resource." }),
  slides: Schema.Int,
  outline: Outline.annotate({
    description:
      "The outline that was drawn. Edit it and send it as the argument `outline` to change the deck."
  }),
  remarks: Schema.Array(Schema.String).annotate({ description: "What could not be done as asked." })
})
export type Deck = typeof Deck.Type
