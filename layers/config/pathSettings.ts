/** Paths in settings: `~` is the home folder, and a relative path starts in the folder of the configuration file. */
import { Context, Effect, Path, Schema, SchemaGetter, SchemaIssue } from "effect"
import { Environment } from "../platform/Environment.ts"
import { homeFolder } from "../platform/userFolders.ts"

/** The folder of the configuration file that is being decoded; `undefined` where there is no file. */
export const BaseFolder = Context.Reference<string | undefined>("manifold/config/BaseFolder", {
  defaultValue: () => undefined
})

const invalid = (message: string) => Effect.fail(new SchemaIssue.InvalidValue({ message }))

/** Replaces a leading `~`. Fails where there is no home folder, and for `~name`, which only a shell can resolve. */
export const expandHome = Effect.fnUntraced(function* (written: string) {
  const rest = /^~(?:$|[/\\](.*)$)/s.exec(written)
  if (rest === null) {
    if (!written.startsWith("~")) return written
    return yield* invalid("~name is not supported: write the path out, or ./~name for a file of that name")
  }
  const home = homeFolder(yield* Environment)
  if (home === undefined) return yield* invalid("~ needs a home folder: set HOME, or write the path out")
  return (yield* Path.Path).join(home, rest[1] ?? "")
})

/**
 * An absolute path. The working folder is never used: an AI client starts the program in any folder, also in one that
 * somebody else has filled.
 */
export const resolvePath = Effect.fnUntraced(function* (written: string) {
  const paths = yield* Path.Path
  const path = yield* expandHome(written)
  if (paths.isAbsolute(path)) return path
  const base = yield* BaseFolder
  if (base !== undefined) return paths.join(base, path)
  return yield* invalid(
    "expected an absolute path or one under ~/: a relative path starts in the folder of a configuration file, and there is none"
  )
})

const setting = (
  resolve: (written: string) => Effect.Effect<string, SchemaIssue.Issue, Environment | Path.Path>,
  description: string
) =>
  Schema.NonEmptyString.annotate({ description }).pipe(
    Schema.decodeTo(Schema.String, {
      decode: SchemaGetter.transformEffect(resolve),
      encode: SchemaGetter.passthrough()
    })
  )

/** A file or folder: absolute, under `~`, or relative to the configuration file. Decodes to an absolute path. */
export const PathSetting = (description: string) =>
  setting(resolvePath, `${description} A relative path starts in the folder of the configuration file.`)

/** A file or folder that is relative to another one; only `~` is replaced. */
export const RelativePathSetting = (description: string) => setting(expandHome, description)
