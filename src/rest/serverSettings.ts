/** Decides whether a caller may connect as requested, and to what: a listed server, another URL, or another command. */
import { Duration, Effect, Redacted } from "effect"
import { namedUrls } from "../../layers/upstream/oauth/oauthFetch.ts"
import type { OAuthSettings } from "../../layers/upstream/oauth/OAuthSettings.ts"
import type { ServerSettings } from "../../layers/upstream/section.ts"
import { isOperator } from "../catalog/Audience.ts"
import type { Principal } from "../domain/Principal.ts"
import type { ConnectRequest } from "./bodies.ts"
import { Forbidden, type RestError } from "./errors.ts"

export interface Rules {
  /** Section `mcpServers`. */
  readonly servers: Readonly<Record<string, ServerSettings>>
  /** `mcp.connection.allow_stdio_commands`. */
  readonly allowCommands: boolean
}

/** The account to use at the server: that of the operator, or one of the caller. */
export interface AccountOwner {
  readonly server: string
  /** Key of the principal; empty for the account that all callers share. */
  readonly principal: string
  /** Whether the caller's sign-in ends with a disconnect. */
  readonly own: boolean
}

export interface Resolved {
  /** Absent: the connection has no sign-in. */
  readonly account?: AccountOwner | undefined

  readonly settings: ServerSettings
  /** The name of the listed server. */
  readonly listed: string | undefined
  /** Whether loopback and private addresses may be reached. */
  readonly allowPrivate: boolean
  /** URLs at whose hosts an authorization server may have such an address. */
  readonly privateUrls: ReadonlyArray<string | undefined>
}

/** Time limit of a call, in seconds, unless the request sets another. */
export const defaultTimeout = 60
const longestLimit = Duration.hours(1)

const entriesOf = (servers: Rules["servers"]) => Object.entries(servers).filter(([, { enabled }]) => enabled)

const sameCommand = ({ args = [], command }: ServerSettings, wanted: ReadonlyArray<string>) =>
  command !== undefined &&
  args.length + 1 === wanted.length &&
  [command, ...args].every((part, index) => part === wanted[index])

const sameUrl = ({ url }: ServerSettings, wanted: string) =>
  url !== undefined && URL.parse(url)?.href === URL.parse(wanted)?.href

/** The listed server that a request is for. */
export const findListed = (
  { command = null, mcp_url = null, transport }: ConnectRequest,
  servers: Rules["servers"]
): readonly [name: string, settings: ServerSettings] | undefined => {
  if (transport !== "stdio")
    return entriesOf(servers).find(([, settings]) => sameUrl(settings, mcp_url ?? ""))
  const entries = entriesOf(servers).filter(([, settings]) => settings.command !== undefined)
  const wanted = command ?? []
  return (
    entries.find(([, settings]) => sameCommand(settings, wanted)) ??
    (wanted.length === 1 ? entries.find(([name]) => name === wanted[0]) : undefined)
  )
}

const stdio = (principal: Principal, request: ConnectRequest, rules: Rules) => {
  const [first = "", ...args] = request.command ?? []
  const found = findListed(request, rules.servers)
  if (found !== undefined) {
    const [listed, settings] = found
    return Effect.succeed<Resolved>({ settings, listed, allowPrivate: false, privateUrls: [] })
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
  return Effect.succeed<Resolved>({ settings, listed: undefined, allowPrivate: false, privateUrls: [] })
}

const withoutAuthorization = (headers: ServerSettings["headers"] = {}) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"))

/** The caller's token replaces the operator's header. */
const withToken = (headers: ServerSettings["headers"] = {}, token: string | null | undefined) =>
  token == null
    ? headers
    : { ...withoutAuthorization(headers), Authorization: Redacted.make(`Bearer ${token}`) }

/** What the caller gives, as settings of a server; `undefined` without any of it. */
const givenOAuth = (request: ConnectRequest): OAuthSettings | undefined => {
  const { oauth_auth_url, oauth_client_id, oauth_client_secret, oauth_redirect_uri } = request
  const { oauth_scopes, oauth_token_url } = request
  const given = {
    ...(oauth_client_id != null && { client_id: oauth_client_id }),
    ...(oauth_client_secret != null && { client_secret: Redacted.make(oauth_client_secret) }),
    ...(oauth_auth_url != null && { authorization_url: oauth_auth_url }),
    ...(oauth_token_url != null && { token_url: oauth_token_url }),
    ...(oauth_redirect_uri != null && { redirect_uri: oauth_redirect_uri }),
    ...(oauth_scopes != null && { scopes: oauth_scopes })
  }
  return Object.keys(given).length === 0 ? undefined : { grant: "authorization_code", ...given }
}

/** The operator's client secret is never used with endpoints of the caller. */
const oauthOf = (
  principal: Principal,
  request: ConnectRequest,
  listed: readonly [string, ServerSettings] | undefined
): { readonly oauth?: OAuthSettings; readonly account?: AccountOwner } => {
  const [name, found] = listed ?? []
  if (request.auth_type === "bearer") return {}
  if (request.auth_type === "oauth") {
    const oauth: OAuthSettings = givenOAuth(request) ??
      (found?.oauth?.grant === "authorization_code" ? found.oauth : undefined) ?? {
        grant: "authorization_code"
      }
    const server = `rest ${oauth.client_id ?? ""} ${oauth.token_url ?? ""}`
    return { oauth, account: { server, principal: principal.key, own: true } }
  }
  if (found === undefined || name === undefined) return {}
  const owner = found.credentials === "per_user" ? principal.key : ""
  return {
    ...(found.oauth !== undefined && { oauth: found.oauth }),
    account: { server: name, principal: owner, own: false }
  }
}

const remote = (principal: Principal, request: ConnectRequest, rules: Rules): Resolved => {
  const url = request.mcp_url ?? ""
  const type = request.transport
  const entry = findListed(request, rules.servers)
  const [listed, found] = entry ?? []
  const { oauth: _, ...settings } = found ?? { enabled: true, time_limit: longestLimit }
  const { account, oauth } = oauthOf(principal, request, entry)
  const headers =
    request.auth_type === "oauth"
      ? withoutAuthorization(settings.headers)
      : withToken(settings.headers, request.bearer_token)
  return {
    settings: { ...settings, url, type, headers, ...(oauth !== undefined && { oauth }) },
    account,
    listed,
    allowPrivate: listed !== undefined || isOperator(principal),
    privateUrls: [
      ...(found === undefined ? [] : namedUrls(found)),
      ...(isOperator(principal) ? namedUrls({ url, ...(oauth !== undefined && { oauth }) }) : [])
    ]
  }
}

export const resolve = (
  principal: Principal,
  request: ConnectRequest,
  rules: Rules
): Effect.Effect<Resolved, RestError> =>
  request.transport === "stdio"
    ? stdio(principal, request, rules)
    : Effect.succeed(remote(principal, request, rules))
