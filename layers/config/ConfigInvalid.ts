/** Everything that is wrong with a configuration, in one error. */
import { Schema } from "effect"

export type Path = ReadonlyArray<PropertyKey>

export const Problem = Schema.Struct({
  /** The setting, `server.port`; empty when the whole source is meant. */
  path: Schema.String,
  /** What is wrong. Never contains a secret. */
  message: Schema.String,
  /** Where to look: `manifold.yaml:3:9` (line and column, from 1), a variable's name, `MCP_CONFIG_JSON`. */
  source: Schema.String
})
export type Problem = typeof Problem.Type

export class ConfigInvalid extends Schema.TaggedError<ConfigInvalid>()("ConfigInvalid", {
  problems: Schema.Array(Problem)
}) {
  override get message() {
    const lines = this.problems.map(
      ({ message, path, source }) => `  ${path === "" ? "" : `${path}: `}${message} (${source})`
    )
    const count = lines.length === 1 ? "1 problem" : `${lines.length} problems`
    return [`The configuration has ${count}:`, ...lines].join("\n")
  }
}

/** Longer keys are not shown: a value that lost its key, or the space after its colon, may be a secret. */
const mostShown = 31

/** `["auth", "tokens", 0, "name"]` → `auth.tokens[0].name`. */
export const showPath = (path: Path): string =>
  path.reduce<string>((shown, key) => {
    if (typeof key === "number") return `${shown}[${key}]`
    const text = String(key)
    if (text.length > mostShown) return `${shown}[key of ${text.length} characters]`
    if (!/^[\w-]+$/.test(text)) return `${shown}[${JSON.stringify(text)}]`
    return shown === "" ? text : `${shown}.${text}`
  }, "")
