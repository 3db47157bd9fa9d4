/** Decides where a request may go: the URL first, and the addresses that its name has at this moment second. */
import { Effect } from "effect"
import { parseHost } from "../http/hosts.ts"
import { isAddress, isWithin, scopeOf } from "./addressScope.ts"
import { refused, type OutboundError } from "./OutboundError.ts"
import { blockedPorts } from "./blockedPorts.ts"
import type { Settings } from "./section.ts"

/** Longer URLs are nobody's; RFC 9110, section 4.1, recommends at least 8000. */
const longest = 8192

export interface Target {
  /** Parsed and without its fragment: numbers in any notation have become dotted addresses here. */
  readonly url: URL
  /** To look up, and for the certificate: no brackets, no dot at the end. */
  readonly name: string
  /** The name is an address already. */
  readonly literal: boolean
  /** The operator has listed this host. */
  readonly listed: boolean
}

const portOf = ({ port, protocol }: URL) => (port === "" ? (protocol === "https:" ? 443 : 80) : Number(port))

const withoutDot = (host: string) => host.toLowerCase().replace(/\.(?=(:\d+)?$)/, "")

/** Judges a URL without asking anybody. */
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
      return Effect.fail(refused("scheme", `only http and https URLs are requested, not ${url.protocol}`))
    }
    if (url.username !== "" || url.password !== "") {
      return Effect.fail(refused("credentials", "a URL must not contain a user name or password"))
    }
    if (parseHost(url.host) === undefined) {
      return Effect.fail(refused("host", "the URL names no valid host"))
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
        refused("port", `port ${port} is closed to requests; outbound.allow_hosts can open it for one host`)
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

/** Lets all of a target's addresses pass, or refuses the target: one bad address is reason enough. */
export const admit = (
  { listed, literal, name }: Target,
  addresses: ReadonlyArray<string>,
  settings: Settings
): Effect.Effect<void, OutboundError> => {
  const passes = (address: string) => {
    const stands = scopeOf(address)
    return (
      stands === "public" || (stands === "private" && (listed || isWithin(address, settings.allow_private)))
    )
  }
  const bad = addresses.filter((address) => !passes(address))
  if (bad.length === 0) return Effect.void
  const what = literal ? `${name} is not a public address` : `${name} has an address that is not public`
  const remedy = bad.some((address) => scopeOf(address) === "never")
    ? "nothing is ever requested from there"
    : "outbound.allow_hosts can make an exception for it"
  return Effect.fail(refused("address", `${what}: ${remedy}`))
}
