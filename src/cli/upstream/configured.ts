/** The servers of the configuration, for commands that name one of them. */
import { Effect } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { suggestName } from "../../../layers/config/suggestName.ts"
import { section } from "../../../layers/upstream/section.ts"
import { UsageError } from "../UsageError.ts"

export const configured = Effect.flatMap(ConfigSource, (config) => config.read(section))

export const unknownServer = (name: string, known: ReadonlyArray<string>) => {
  const nearest = suggestName(name, known)
  const hint = nearest === undefined ? "" : ` Did you mean ${nearest}?`
  const all = known.length === 0 ? "" : ` Configured: ${known.join(", ")}`
  return new UsageError({ detail: `There is no server ${name} in mcpServers.${hint}${all}` })
}

export const configuredServer = Effect.fnUntraced(function* (name: string) {
  const servers = yield* configured
  const settings = Object.hasOwn(servers, name) ? servers[name] : undefined
  return settings === undefined ? yield* unknownServer(name, Object.keys(servers)) : settings
})
