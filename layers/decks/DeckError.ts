/** Typed error of `content.create`, with a message for the caller. */
import { Schema } from "effect"

export class DeckError extends Schema.TaggedError<DeckError>()("DeckError", {
  /**
   * - `details`, `slides`, `name`, `theme`: the request cannot be fulfilled; the message says what to change.
   * - `unwritable`: the output folder cannot be written, or is full.
   * - `quota`: the output folder has reached the quota of the principal, or of all.
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
