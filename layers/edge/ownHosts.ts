/** Host names under which the service itself answers, which applications cannot have. */
import { Effect } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { canonicalHost, isLoopback, parseHost } from "../http/hosts.ts"
import * as http from "../http/section.ts"
import { section } from "./section.ts"

export interface OwnHosts {
  /** Domains of the service: those of `edge.domains`, and that of `server.public_url` unless it is a loopback name. */
  readonly domains: ReadonlyArray<string>
  /** Whether the service answers under the host itself: also the hosts of `server.allowed_hosts`, and loopback names. */
  readonly isOwn: (host: string) => boolean
  /** Whether a URL leads to the service itself, according to its configuration. */
  readonly isSelf: (url: URL) => boolean
}

const portOf = ({ port, protocol }: URL) => (port === "" ? (protocol === "https:" ? 443 : 80) : Number(port))

/** In canonical form. */
export const ownHosts = Effect.gen(function* () {
  const config = yield* ConfigSource
  const { allowed_hosts, host, port, public_url } = yield* config.read(http.section)
  const settings = yield* config.read(section)
  const { hostname = "localhost" } = URL.parse(public_url ?? "") ?? {}
  const publicName = isLoopback(hostname) ? [] : [hostname]
  const domains = [
    ...new Set([...publicName, ...settings.domains].flatMap((each) => canonicalHost(each) ?? []))
  ]
  const allowed = allowed_hosts.flatMap((each) => parseHost(each)?.name ?? [])
  const own = new Set([...domains, ...allowed, host.toLowerCase()])
  const ports: ReadonlyArray<number | undefined> = [port, settings.https_port, settings.http_port]
  const isOwn = (name: string) => own.has(name) || isLoopback(name)
  const hosts: OwnHosts = {
    domains,
    isOwn,
    isSelf: (url) => {
      const name = canonicalHost(url.hostname) ?? url.hostname
      return domains.includes(name) || (isOwn(name) && ports.includes(portOf(url)))
    }
  }
  return hosts
})
