/** Turns a command line into a named command and its argument vector, without a shell. */
import { Result } from "effect"
import { type CommandError, commandError } from "./CommandError.ts"
import type { ArgumentSettings, CommandSettings } from "./section.ts"

const longest = 4096
const mostTokens = 64
/** Names in an error message. */
const mostNames = 50

export interface ParsedCommand {
  readonly name: string
  readonly settings: CommandSettings
  readonly argv: readonly [string, ...ReadonlyArray<string>]
}

const token = /(?:[^ \t"']+|"[^"]*"|'[^']*')+/gy

/**
 * Words between spaces. Quotation marks keep spaces together and have no other meaning; a backslash, `$` or `;` is a
 * character like any other.
 */
export const tokenize = (line: string): Result.Result<ReadonlyArray<string>, CommandError> => {
  if (line.length > longest)
    return Result.fail(commandError("malformed", `The command has more than ${longest} characters.`))
  // Controls, line separators and marks that hide text.
  if (
    /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/.test(line) ||
    !line.isWellFormed()
  )
    return Result.fail(
      commandError("malformed", "The command has a control character. Write it in one line.")
    )
  const tokens: Array<string> = []
  for (let position = 0; ;) {
    while (line[position] === " " || line[position] === "\t") position++
    if (position >= line.length) break
    token.lastIndex = position
    const [text] = token.exec(line) ?? []
    if (text === undefined || !/^(?:[ \t]|$)/.test(line.slice(position + text.length)))
      return Result.fail(commandError("malformed", "A quotation mark of the command is not closed."))
    position += text.length
    tokens.push(text.replace(/"([^"]*)"|'([^']*)'/g, "$1$2"))
    if (tokens.length > mostTokens)
      return Result.fail(commandError("malformed", `The command has more than ${mostTokens} words.`))
  }
  return tokens.length === 0
    ? Result.fail(commandError("malformed", "The command is empty."))
    : Result.succeed(tokens)
}

const usual = /^[\w.,:@%+=/-]+$/

/** `undefined`: the value is allowed. */
const problemOf = (value: string, settings: ArgumentSettings): string | undefined => {
  const { max_length, maximum, minimum, pattern, values } = settings
  if (values !== undefined) return values.includes(value) ? undefined : `must be one of ${values.join(", ")}`
  if (value.length > max_length) return `must have at most ${max_length} characters`
  if (minimum !== undefined || maximum !== undefined) {
    const number = /^-?\d{1,15}$/.test(value) ? Number(value) : NaN
    const low = minimum ?? -Infinity
    const high = maximum ?? Infinity
    return number >= low && number <= high
      ? undefined
      : `must be an integer${minimum === undefined ? "" : ` from ${minimum}`}${maximum === undefined ? "" : ` to ${maximum}`}`
  }
  if (value === "") return "must not be empty"
  if (value.startsWith("-")) return "must not begin with -, which would be an option"
  if (value.split(/[/\\]/).includes("..")) return "must not have .. as a part of a path"
  if (pattern !== undefined)
    return new RegExp(`^(?:${pattern})$`, "u").test(value) ? undefined : `must match ${pattern}`
  return usual.test(value) ? undefined : "must have letters, digits and _.,:@%+=/- only"
}

const usageOf = (name: string, { arguments: declared }: CommandSettings): string =>
  [name, ...declared.map((each) => (each.optional ? `[${each.name}]` : `<${each.name}>`))].join(" ")

/** What the command lines look like, for error messages. */
export const usages = (named: Readonly<Record<string, CommandSettings>>): string => {
  const all = Object.entries(named).map(([name, settings]) => usageOf(name, settings))
  if (all.length === 0) return "No command is configured. Add commands to the section commands."
  const more = all.length > mostNames ? ` and ${all.length - mostNames} more` : ""
  return `Commands: ${all.slice(0, mostNames).join("; ")}${more}.`
}

/** The command whose name has the most words at the beginning of the line, and the words after it. */
const select = (tokens: ReadonlyArray<string>, named: Readonly<Record<string, CommandSettings>>) => {
  // A quoted token with a space is one word, and no name has such a word.
  const words = tokens.findIndex((each) => /\s|^$/.test(each))
  const most = Math.min(words < 0 ? tokens.length : words, 8)
  for (let count = most; count > 0; count--) {
    const name = tokens.slice(0, count).join(" ")
    const settings = Object.hasOwn(named, name) ? named[name] : undefined
    if (settings !== undefined) return { name, settings, rest: tokens.slice(count) }
  }
  return undefined
}

export const parseCommand = (
  line: string,
  named: Readonly<Record<string, CommandSettings>>
): Result.Result<ParsedCommand, CommandError> =>
  Result.flatMap(tokenize(line), (tokens): Result.Result<ParsedCommand, CommandError> => {
    const selected = select(tokens, named)
    if (selected === undefined)
      return Result.fail(commandError("unknown", `No command has this name. ${usages(named)}`))
    const { name, rest, settings } = selected
    const { arguments: declared, run } = settings
    const least = declared.filter(({ optional }) => !optional).length
    if (rest.length < least || rest.length > declared.length)
      return Result.fail(
        commandError("invalid", `Wrong number of arguments. Usage: ${usageOf(name, settings)}`)
      )
    const values = new Map<string, string>()
    for (const [index, value] of rest.entries()) {
      const argument = declared[index]
      if (argument === undefined) continue
      const problem = problemOf(value, argument)
      if (problem !== undefined) return Result.fail(commandError("invalid", `${argument.name} ${problem}.`))
      values.set(argument.name, value)
    }
    const known = new Set(declared.map((each) => each.name))
    const [program, ...parts] = run
    const given = parts.flatMap((part) => {
      let absent = false
      // A function, so that `$` in a value has no meaning.
      const text = part.replace(/\{([a-z][a-z0-9_]*)\}/g, (whole, each: string) => {
        if (!known.has(each)) return whole
        const value = values.get(each)
        if (value === undefined) absent = true
        return value ?? ""
      })
      return absent ? [] : [text]
    })
    return Result.succeed({ name, settings, argv: [program, ...given] })
  })
