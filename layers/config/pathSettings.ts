/** Path settings: `~` is the home folder; relative paths start in the folder of the configuration file. */
import { Context, Effect, Path, Schema, SchemaGetter, SchemaIssue } from "effect"
import { Environment } from "../platform/Environment.ts"
import { homeFolder } from "../platform/userFolders.ts"

/** Folder of the configuration file, for decoding; `undefined` without a file. */
export const BaseFolder = Context.Reference<string | undefined>("manifold/config/BaseFolder", {
  defaultValue: () => undefined
})

const invalid = (message: string) => Effect.fail(new SchemaIssue.InvalidValue({ message }))

/** Replaces a leading `~`. Fails without a home folder, and for `~name`, which only shells resolve. */
export const expandHome = Effect.fnUntraced(function* (written: string) {
  const rest = /^~(?:$|[/\\](.*)$)/s.exec(written)
  if (rest === null) {
    if (!written.startsWith("~")) return written
    return yield* invalid("~name is not supported: use an absolute path, or ./~name for a file of that name")
  }
  const home = homeFolder(yield* Environment)
  if (home === undefined) return yield* invalid("~ requires a home folder: set HOME, or use an absolute path")
  return (yield* Path.Path).join(home, rest[1] ?? "")
})

/**
 * An absolute path. Never relative to the working folder: AI clients start the program in untrusted folders.
 */
export const resolvePath = Effect.fnUntraced(function* (written: string) {
  const paths = yield* Path.Path
  const path = yield* expandHome(written)
  if (paths.isAbsolute(path)) return path
  const base = yield* BaseFolder
  if (base !== undefined) return paths.join(base, path)
  return yield* invalid(
    "expected an absolute path or one under ~/: relative paths require a configuration file"
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

/** A path that is relative to a folder of the program; only `~` is replaced. */
export const RelativePathSetting = (description: string) => setting(expandHome, description)
