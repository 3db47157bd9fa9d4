/** Checks that a prompt's required arguments are present. The prompt checks their values. */
import { InvalidArguments } from "./CatalogError.ts"
import type { PromptEntry } from "./Entry.ts"

export const missingArguments = (
  { arguments: declared, name }: PromptEntry,
  given: Readonly<Record<string, string>>
): InvalidArguments | undefined => {
  const missing = declared.filter(
    ({ name: argument, required }) => required && !Object.hasOwn(given, argument)
  )
  return missing.length === 0
    ? undefined
    : new InvalidArguments({
        name,
        issues: missing.map(({ name: path }) => ({ path, message: "required, but missing" }))
      })
}
