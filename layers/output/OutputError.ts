/** Why a file was not saved in the output folder. */
import { Schema } from "effect"

export class OutputError extends Schema.TaggedError<OutputError>()("OutputError", {
  /**
   * - `name`: no folder can be named after the client or project.
   * - `unwritable`: the output folder cannot be written, or is full.
   * - `quota`: the principal, or all together, keep as many bytes as they may.
   */
  reason: Schema.Literals(["name", "unwritable", "quota"]),
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}
