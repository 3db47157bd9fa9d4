/** Error of editing a client's configuration file; the file was not changed. */
import { Schema } from "effect"

export class ClientFileError extends Schema.TaggedError<ClientFileError>()("ClientFileError", {
  /**
   * No home folder; client not installed; file not readable, not writable, not JSON, of unexpected structure, changed by
   * another program, or outside of the project.
   */
  reason: Schema.Literals([
    "homeless",
    "absent",
    "unreadable",
    "unwritable",
    "malformed",
    "misshapen",
    "changed",
    "outside"
  ]),
  path: Schema.String,
  message: Schema.String
}) {}
