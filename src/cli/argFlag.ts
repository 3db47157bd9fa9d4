/** Flag `--arg key=value`: repeatable; the value may be empty and may contain `=`. */
import { Effect } from "effect"
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"

/** The expected format, also in the flag's error. */
export const pair = "key=value"

const parse = Effect.fnUntraced(function* (values: ReadonlyArray<string>) {
  const entries: Array<readonly [string, string]> = []
  for (const value of values) {
    const at = value.indexOf("=")
    if (at < 1)
      return yield* new CliError.InvalidValue({ option: "arg", value, expected: pair, kind: "flag" })
    entries.push([value.slice(0, at), value.slice(at + 1)])
  }
  return Object.fromEntries(entries)
})

/** The last value of a repeated key wins. */
export const argFlag = (description: string) =>
  Flag.String("arg").pipe(
    Flag.withMetavar(pair),
    Flag.withDescription(description),
    Flag.atLeast(0),
    Flag.mapEffect(parse)
  )
