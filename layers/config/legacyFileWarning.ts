/** Notice about a `manifold.yaml` in the working folder: earlier versions read it, this one does not. */
import { Effect, FileSystem, Path } from "effect"
import type { Found } from "./ConfigSource.ts"
import { fileName } from "./ConfigDocument.ts"

/** One line that says how to use the file; `undefined` without such a file, or where the user named a source. */
export const legacyFileWarning = Effect.fnUntraced(function* ({
  file,
  named
}: Pick<Found, "file" | "named">) {
  if (named) return undefined
  const paths = yield* Path.Path
  const here = paths.resolve(fileName)
  if (file !== undefined && paths.resolve(file) === here) return undefined
  const fs = yield* FileSystem.FileSystem
  if (!(yield* Effect.orElseSucceed(fs.exists(here), () => false))) return undefined
  const move = file === undefined ? "" : `, or move it to ${file}`
  return `${here} is not read: configuration is not taken from the working folder. Use it with --config ${fileName}${move}`
})
