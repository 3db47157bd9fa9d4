/** Warning about a `manifold.yaml` in the working folder, which earlier versions read. */
import { Effect, FileSystem, Path } from "effect"
import type { Found } from "./ConfigSource.ts"
import { fileName } from "./ConfigDocument.ts"

/** The warning, which says how to use the file; `undefined` without such a file, or if the user named a source. */
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
  return `${here} is ignored: the working folder is not searched for configuration. Use it with --config ${fileName}${move}`
})
