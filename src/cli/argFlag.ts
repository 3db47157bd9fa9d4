/** `--arg key=value`, any number of times; the value may be empty, and may contain `=`. */
import { Effect } from "effect"
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"

/** What the flag takes, in the words of its error. */
export const pair = "key=value"

const parse = Effect.fnUntraced(function* (words: ReadonlyArray<string>) {
  const entries: Array<readonly [string, string]> = []
  for (const word of words) {
    const at = word.indexOf("=")
    if (at < 1)
      return yield* new CliError.InvalidValue({ option: "arg", value: word, expected: pair, kind: "flag" })
    entries.push([word.slice(0, at), word.slice(at + 1)])
  }
  return Object.fromEntries(entries)
})

/** Of a key that is given twice, the last value. */
export const argFlag = (description: string) =>
  Flag.String("arg").pipe(
    Flag.withMetavar(pair),
    Flag.withDescription(description),
    Flag.atLeast(0),
    Flag.mapEffect(parse)
  )
