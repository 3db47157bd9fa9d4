/** Errors of saving a file in the output folder. */
import { Schema } from "effect"

export class OutputError extends Schema.TaggedError<OutputError>()("OutputError", {
  /**
   * - `name`: the client's or project's name contains no letter or digit.
   * - `unwritable`: the output folder is not writable, or the disk is full.
   * - `quota`: the principal's disk quota or the total one is used up.
   */
  reason: Schema.Literals(["name", "unwritable", "quota"]),
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}
