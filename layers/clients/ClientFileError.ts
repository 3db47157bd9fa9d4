/** Why a client's configuration file was left as it is, and what to do about it. */
import { Schema } from "effect"

export class ClientFileError extends Schema.TaggedError<ClientFileError>()("ClientFileError", {
  /**
   * The user has no home folder, the client is not there, its file cannot be read or written, is no JSON, has another
   * shape, was changed by another program meanwhile, or lies outside the project.
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
