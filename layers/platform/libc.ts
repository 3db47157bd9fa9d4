/** Functions of the C library of the system. */
import { dlopen, type FFIFunction } from "bun:ffi"

/** The second one: of musl. */
const libraries: Readonly<Record<string, ReadonlyArray<string>>> = {
  linux: ["libc.so.6", "libc.so"],
  darwin: ["libSystem.dylib"]
}

/** Undefined: this platform has no library that can be opened. */
export const libc = <Functions extends Readonly<Record<string, FFIFunction>>>(functions: Functions) => {
  for (const library of libraries[process.platform] ?? []) {
    try {
      return dlopen(library, functions).symbols
    } catch {
      continue
    }
  }
  return undefined
}
