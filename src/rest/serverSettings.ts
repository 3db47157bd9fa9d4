/** Decides whether a caller may connect as requested, and to what: a listed server, another URL, or another command. */
import { Duration, Effect, Redacted } from "effect"
import type { ServerSettings } from "../../layers/upstream/section.ts"
import type { Principal } from "../domain/Principal.ts"
import type { ConnectRequest } from "./bodies.ts"
import { Forbidden, type RestError } from "./errors.ts"

export interface Rules {
  /** Section `mcpServers`. */
  readonly servers: Readonly<Record<string, ServerSettings>>
  /** `mcp.connection.allow_stdio_commands`. */
  readonly allowCommands: boolean
}

export interface Resolved {
  readonly settings: ServerSettings
  /** The name of the listed server. */
  readonly listed: string | undefined
  /** Whether loopback and private addresses may be reached. */
  readonly allowPrivate: boolean
}

/** Time limit of a call, in seconds, unless the request sets another. */
export const defaultTimeout = 60
const longestLimit = Duration.hours(1)

const entriesOf = ({ servers }: Rules) => Object.entries(servers).filter(([, { enabled }]) => enabled)

const sameCommand = ({ args = [], command }: ServerSettings, wanted: ReadonlyArray<string>) =>
  command !== undefined &&
  args.length + 1 === wanted.length &&
  [command, ...args].every((part, index) => part === wanted[index])

const sameUrl = ({ url }: ServerSettings, wanted: string) =>
  url !== undefined && URL.parse(url)?.href === URL.parse(wanted)?.href

const stdio = (principal: Principal, command: ReadonlyArray<string>, rules: Rules) => {
  const entries = entriesOf(rules).filter(([, { command: program }]) => program !== undefined)
  const [first = "", ...args] = command
  const found =
    entries.find(([, settings]) => sameCommand(settings, command)) ??
    (args.length === 0 ? entries.find(([name]) => name === first) : undefined)
  if (found !== undefined) {
    const [listed, settings] = found
    return Effect.succeed<Resolved>({ settings, listed, allowPrivate: false })
  }
  if (!rules.allowCommands || !principal.may(["admin"])) {
    return Effect.fail(
      new Forbidden({
        detail:
          "This command is not in mcpServers. Name one of its servers. Other commands require the scope admin and " +
          "mcp.connection.allow_stdio_commands."
      })
    )
  }
  const settings: ServerSettings = { enabled: true, command: first, args, time_limit: longestLimit }
  return Effect.succeed<Resolved>({ settings, listed: undefined, allowPrivate: false })
}

/** The caller's token replaces the operator's header. */
const withToken = (headers: ServerSettings["headers"] = {}, token: string | null | undefined) =>
  token == null
    ? headers
    : {
        ...Object.fromEntries(
          Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization")
        ),
        Authorization: Redacted.make(`Bearer ${token}`)
      }

const remote = (principal: Principal, request: ConnectRequest, rules: Rules): Resolved => {
  const url = request.mcp_url ?? ""
  const type = request.transport
  const [listed, found] = entriesOf(rules).find(([, settings]) => sameUrl(settings, url)) ?? []
  const settings = found ?? { enabled: true, time_limit: longestLimit }
  return {
    settings: { ...settings, url, type, headers: withToken(settings.headers, request.bearer_token) },
    listed,
    allowPrivate:
      listed !== undefined || principal.source === "anonymous-loopback" || principal.may(["admin"])
  }
}

export const resolve = (
  principal: Principal,
  request: ConnectRequest,
  rules: Rules
): Effect.Effect<Resolved, RestError> =>
  request.transport === "stdio"
    ? stdio(principal, request.command ?? [], rules)
    : Effect.succeed(remote(principal, request, rules))
