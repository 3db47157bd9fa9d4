/** Secret setting: read from an environment variable or a file, and never shown. */
import { Effect, FileSystem, Redacted, Schema, SchemaGetter, SchemaIssue } from "effect"
import { Environment } from "../platform/Environment.ts"
import { describeFileError } from "../platform/describeFileError.ts"
import { hidden } from "./explainIssue.ts"
import { resolvePath } from "./pathSettings.ts"

const Written = Schema.String.annotate({
  description: "Secret: `env:NAME`, `file:PATH`, or the literal value.",
  examples: ["env:NAME", "file:PATH"],
  expected: "env:NAME, file:PATH or the literal secret",
  [hidden]: true
})

const invalid = (message: string) => Effect.fail(new SchemaIssue.InvalidValue({ message }))

const fromVariable = Effect.fnUntraced(function* (name: string) {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return yield* invalid("expected the name of an environment variable after env:")
  }
  const value = (yield* Environment).get(name) ?? ""
  // An unusual name may be a secret with the wrong prefix.
  const shown = /^[A-Z0-9_]+$/.test(name) ? `variable ${name}` : "variable named here"
  if (value === "") return yield* invalid(`the environment ${shown} is not set`)
  return Redacted.make(value)
})

const fromFile = Effect.fnUntraced(function* (written: string) {
  if (written === "") return yield* invalid("expected the path of a file after file:")
  const path = yield* resolvePath(written)
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs
    .readFileString(path)
    .pipe(
      Effect.catchTag("PlatformError", (error) =>
        invalid(`cannot read the file ${JSON.stringify(path)}: ${describeFileError(error.reason)}`)
      )
    )
  // Editors and `echo` append a newline that is not part of the secret.
  const value = text.replace(/\r?\n$/, "")
  if (value === "") return yield* invalid(`the file ${JSON.stringify(path)} is empty`)
  return Redacted.make(value)
})

const resolve = Effect.fnUntraced(function* (written: string) {
  if (written.startsWith("env:")) return yield* fromVariable(written.slice("env:".length))
  if (written.startsWith("file:")) return yield* fromFile(written.slice("file:".length))
  return written === "" ? yield* invalid("the secret is empty") : Redacted.make(written)
})

/**
 * Decodes `env:NAME`, `file:PATH` (`~`, or relative to the configuration file; one newline at the end is dropped) or the
 * text itself to a `Redacted<string>`. An unset variable or unreadable file is a problem at the setting's path.
 * It cannot be encoded.
 */
export const Secret = Written.pipe(
  Schema.decodeTo(Schema.Redacted(Schema.String), {
    decode: SchemaGetter.transformEffect(resolve),
    encode: SchemaGetter.forbidden(() => "secrets cannot be encoded")
  })
)
