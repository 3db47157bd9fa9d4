/** Describes why a file could not be read or written, for users. */
import type { PlatformError } from "effect"

/** Descriptions by system code, for errors that Effect has no tag for. */
const codes: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOTDIR: "not a directory",
  EFBIG: "file too large",
  EIO: "input or output error",
  ENOSPC: "disk full",
  EDQUOT: "disk quota reached",
  EROFS: "read-only file system",
  ENAMETOOLONG: "name too long",
  EMFILE: "too many open files"
}

/** The same for an error of the system, such as `ENOSPC`. */
export const describeSystemError = (cause: unknown): string => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined
  return code === undefined ? String(cause) : (codes[code] ?? code)
}

/** A phrase such as `permission denied`; the code or tag where there is none. */
export const describeFileError = (reason: PlatformError.PlatformError["reason"]): string => {
  switch (reason._tag) {
    case "NotFound":
      return "no such file or directory"
    case "PermissionDenied":
      return "permission denied"
    case "BadResource":
      return "not a regular file, or its parent is not a directory"
    case "AlreadyExists":
      return "already exists"
    case "Busy":
      return "resource busy"
    default: {
      const { cause } = reason
      const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined
      return code === undefined ? reason._tag : (codes[code] ?? code)
    }
  }
}
