/** Why a deck was not made, in words for the one who asked for it. */
import { Schema } from "effect"

export class DeckError extends Schema.TaggedError<DeckError>()("DeckError", {
  /**
   * - `details`, `slides`, `name`, `theme`: what was asked for cannot be done; the message says what can.
   * - `unwritable`: the output folder cannot be written, or is full.
   * - `quota`: the output folder holds as many bytes as the principal, or all together, may keep.
   * - `drawing`: it took too long, or the program failed.
   */
  reason: Schema.Literals(["details", "slides", "name", "theme", "unwritable", "quota", "drawing"]),
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

export const deckError = (reason: DeckError["reason"], detail: string) => new DeckError({ reason, detail })
