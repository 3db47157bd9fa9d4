/** SSRF protection: checks the URL of a request, then the resolved addresses of its host. */
import { Effect } from "effect"
import { parseHost } from "../http/hosts.ts"
import { isAddress, isWithin, scopeOf } from "./addressScope.ts"
import { refused, type OutboundError } from "./OutboundError.ts"
import { blockedPorts } from "./blockedPorts.ts"
import type { Settings } from "./section.ts"

/** Maximum URL length; RFC 9110, section 4.1, recommends to support at least 8000. */
const longest = 8192

export interface Target {
  /** Parsed, without fragment; numeric hosts in any notation are dotted addresses. */
  readonly url: URL
  /** Host name for DNS and certificate: no brackets, no trailing dot. */
  readonly name: string
  /** The name is an IP address. */
  readonly literal: boolean
  /** The host is in `outbound.allow_hosts`. */
  readonly listed: boolean
}

export const portOf = ({ port, protocol }: URL) =>
  port === "" ? (protocol === "https:" ? 443 : 80) : Number(port)

const withoutDot = (host: string) => host.toLowerCase().replace(/\.(?=(:\d+)?$)/, "")

/** Checks a URL without DNS lookup. */
export const parse = (
  input: string | URL,
  base: URL | undefined,
  settings: Settings
): Effect.Effect<Target, OutboundError> =>
  Effect.suspend(() => {
    const written = String(input)
    const url = written.length > longest ? undefined : (URL.parse(written, base?.href) ?? undefined)
    if (url === undefined) {
      return Effect.fail(
        refused(
          "url",
          `not a valid URL; expected for example https://example.com/ (at most ${longest} characters)`
        )
      )
    }
    if (url.protocol !== "http:" && url.protocol !== "https:") {
      return Effect.fail(refused("scheme", `only http and https URLs are allowed, not ${url.protocol}`))
    }
    if (url.username !== "" || url.password !== "") {
      return Effect.fail(refused("credentials", "a URL must not contain a user name or password"))
    }
    if (parseHost(url.host) === undefined) {
      return Effect.fail(refused("host", "the URL has no valid host"))
    }
    url.hash = ""
    const host = withoutDot(url.hostname)
    const port = portOf(url)
    const hosts = settings.allow_hosts.map(withoutDot)
    const listedWithPort = hosts.includes(`${host}:${port}`)
    const portAllowed =
      listedWithPort || (settings.ports.length > 0 ? settings.ports.includes(port) : !blockedPorts.has(port))
    if (!portAllowed) {
      return Effect.fail(
        refused("port", `port ${port} is not allowed; allow it for this host in outbound.allow_hosts`)
      )
    }
    const name = host.replace(/^\[|\]$/g, "")
    return Effect.succeed({
      url,
      name,
      literal: isAddress(name),
      listed: listedWithPort || hosts.includes(host)
    })
  })

/** Rejects the target unless all of its addresses are allowed. */
export const admit = (
  { listed, literal, name }: Target,
  addresses: ReadonlyArray<string>,
  settings: Settings
): Effect.Effect<void, OutboundError> => {
  const passes = (address: string) => {
    const scope = scopeOf(address)
    return (
      scope === "public" || (scope === "private" && (listed || isWithin(address, settings.allow_private)))
    )
  }
  const bad = addresses.filter((address) => !passes(address))
  if (bad.length === 0) return Effect.void
  const what = literal ? `${name} is not a public address` : `${name} has an address that is not public`
  const remedy = bad.some((address) => scopeOf(address) === "never")
    ? "requests to it are never allowed"
    : "allow it in outbound.allow_hosts"
  return Effect.fail(refused("address", `${what}: ${remedy}`))
}
