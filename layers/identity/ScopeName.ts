/** Schema of a scope's name: rejects misspelt scopes, whose tokens would have no permissions. */
import { Schema, SchemaGetter } from "effect"
import { everyScope, fromOAuth } from "../../src/domain/scopes.ts"
import { suggestName } from "../config/suggestName.ts"

/** Syntax of a scope name (RFC 6749 §3.3). */
const syntax = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** `call:math.add`, `team:blue`, `https://tools.example/write`: scopes of one tool, and custom ones of a library. */
const isCustom = (name: string) => /[:/.]/.test(name)

const isKnown = Schema.makeFilter((given: string) => {
  const name = fromOAuth(given)
  if (everyScope.includes(name) || isCustom(name) || !syntax.test(name)) return true
  const nearest = suggestName(name, everyScope)
  return nearest === undefined
    ? `unknown scope; known are ${everyScope.join(", ")}, and custom scopes that contain a colon, such as team:blue`
    : `unknown scope; did you mean "${nearest}"?`
})

/** Accepts the names of OAuth as well: `mcp:read` is `read`. */
export const ScopeName = Schema.String.check(
  Schema.isPattern(syntax),
  Schema.isMaxLength(256, { expected: "at most 256 characters" }),
  isKnown
)
  .annotate({ expected: "a scope name without spaces" })
  .pipe(
    Schema.decodeTo(Schema.NonEmptyString, {
      decode: SchemaGetter.transform(fromOAuth),
      encode: SchemaGetter.transform((scope: string) => scope)
    })
  )
