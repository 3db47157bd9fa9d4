/** A secret setting: read from a variable or a file when the configuration is, and never shown. */
import { Effect, FileSystem, Redacted, Schema, SchemaGetter, SchemaIssue } from "effect"
import { Environment } from "../platform/Environment.ts"
import { describeFileError } from "../platform/describeFileError.ts"
import { hidden } from "./explainIssue.ts"
import { resolvePath } from "./pathSettings.ts"

const Written = Schema.String.annotate({
  description: "A secret: `env:NAME`, `file:PATH`, or the text itself.",
  examples: ["env:NAME", "file:PATH"],
  expected: "env:NAME, file:PATH or the secret's text",
  [hidden]: true
})

const invalid = (message: string) => Effect.fail(new SchemaIssue.InvalidValue({ message }))

const fromVariable = Effect.fnUntraced(function* (name: string) {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return yield* invalid("expected the name of an environment variable after env:")
  }
  const value = (yield* Environment).get(name) ?? ""
  // A name that is not written as names are may be a secret with the wrong prefix.
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
        invalid(`the file ${JSON.stringify(path)} cannot be read: ${describeFileError(error.reason)}`)
      )
    )
  // Editors and `echo` end a file with a newline, which is no part of the secret.
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
 * A secret is not encoded again.
 */
export const Secret = Written.pipe(
  Schema.decodeTo(Schema.Redacted(Schema.String), {
    decode: SchemaGetter.transformEffect(resolve),
    encode: SchemaGetter.forbidden(() => "a secret is not written out")
  })
)
