/** Errors of commands that do not run: what is wrong, and what to do. */
import { Schema } from "effect"

export class CommandError extends Schema.TaggedError<CommandError>()("CommandError", {
  reason: Schema.Literals([
    "malformed",
    "unknown",
    "invalid",
    "declined",
    "unapproved",
    "busy",
    "unavailable",
    "unrecorded"
  ]),
  message: Schema.String
}) {}

export const commandError = (reason: CommandError["reason"], message: string) =>
  new CommandError({ reason, message })
