/** Error of managing the system service. */
import { Schema } from "effect"

export class DaemonError extends Schema.TaggedError<DaemonError>()("DaemonError", {
  /**
   * The platform has no service of this kind; the service manager is not running; the program is where the service cannot
   * read it; the file cannot be written or removed; a command of the manager failed.
   */
  reason: Schema.Literals(["unsupported", "unmanaged", "misplaced", "unwritable", "failed"]),
  message: Schema.String
}) {}
