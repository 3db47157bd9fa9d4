/** Why a file could not be read or written, for a person. */
import type { PlatformError } from "effect"

/** The commonest reasons in words, and any other by its name. */
export const describeFileError = (reason: PlatformError.PlatformError["reason"]): string => {
  switch (reason._tag) {
    case "NotFound":
      return "there is no such file or folder"
    case "PermissionDenied":
      return "this user may not"
    case "BadResource":
      return "it is no file, or lies in no folder"
    default:
      return reason._tag
  }
}
