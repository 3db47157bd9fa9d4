/** Configuration error with all problems found. */
import { Schema } from "effect"

export type Path = ReadonlyArray<PropertyKey>

export const Problem = Schema.Struct({
  /** The setting, such as `server.port`; empty for a problem of the whole source. */
  path: Schema.String,
  /** The problem. Never contains a secret. */
  message: Schema.String,
  /** Location: `manifold.yaml:3:9` (line and column, from 1), an environment variable, or `MCP_CONFIG_JSON`. */
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

/** Longest key that is shown. A longer one may be a secret whose key, or space after the colon, is missing. */
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
