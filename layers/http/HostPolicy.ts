/** Who may come in, by Host and Origin: the defence against DNS rebinding and foreign web pages, before authentication. */
import { isLoopback, isLoopbackName, parseHost, parseOrigin } from "./hosts.ts"
import { reject } from "./responses.ts"

export interface HostPolicyOptions {
  /** What the listener is bound to. */
  readonly hostname: string
  /** `name` for any port, or `name:port`. */
  readonly allowedHosts: ReadonlyArray<string>
  readonly corsOrigins: ReadonlyArray<string>
  readonly secure: boolean
}

/** How an Origin that may call stands to us: `listed` pages may also read the answers. */
export type OriginVerdict = "listed" | "own"

export interface HostPolicy {
  /** Refuses a request because of its Host header. To be asked before the request's URL is used. */
  readonly host: (value: string | null) => Response | undefined
  /** Judges an Origin header, of a request whose Host was let in. */
  readonly origin: (value: string, host: string) => OriginVerdict | Response
}

/** Hosts that were judged are remembered up to this number: a server has few names. */
const remembered = 256
/** Longer ones are malformed, and not worth remembering. */
const longest = 260

const localOrigin = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?$/

/** The first of the options that cannot be understood, as a message for the operator. */
export const mistake = ({ allowedHosts, corsOrigins }: HostPolicyOptions): string | undefined => {
  const host = allowedHosts.find((value) => parseHost(value) === undefined)
  if (host !== undefined) {
    return `server.allowed_hosts has "${host}": write a host as example.com or example.com:8443`
  }
  const origin = corsOrigins.find((value) => parseOrigin(value) === undefined)
  if (origin !== undefined) {
    return `server.cors_origins has "${origin}": write each origin out, as https://app.example.com`
  }
  return undefined
}

export const make = (options: HostPolicyOptions): HostPolicy => {
  const local = isLoopback(options.hostname)
  const hosts = new Set(options.allowedHosts.map((value) => value.toLowerCase()))
  const origins = new Set<string | undefined>(options.corsOrigins.map(parseOrigin))
  const scheme = options.secure ? "https" : "http"
  const own = parseHost(options.hostname)?.name
  /** Where strangers reach us, everybody is asked who they are: without a list any name will do. */
  const open = !local && hosts.size === 0

  const judge = (value: string): 200 | 400 | 421 => {
    const host = parseHost(value)
    if (host === undefined) return 400
    const known =
      open ||
      isLoopbackName(host.name) ||
      hosts.has(host.name) ||
      hosts.has(host.authority) ||
      (local && host.name === own)
    return known ? 200 : 421
  }

  const verdicts = new Map<string, 200 | 400 | 421>()
  const verdict = (value: string) => {
    const before = verdicts.get(value)
    if (before !== undefined) return before
    const now = judge(value)
    if (verdicts.size >= remembered) verdicts.clear()
    if (value.length <= longest) verdicts.set(value, now)
    return now
  }

  return {
    host: (value) => {
      switch (value === null ? 400 : verdict(value)) {
        case 200:
          return undefined
        case 400:
          return reject(400, "The Host header must name one host.")
        case 421:
          return reject(
            421,
            "This server has another name. Its operator can add this one to server.allowed_hosts."
          )
      }
    },
    origin: (value, host) => {
      if (origins.has(value)) return "listed"
      if (value === `${scheme}://${host.toLowerCase()}`) return "own"
      if (local && localOrigin.test(value)) return "own"
      return reject(403, "Requests from pages of this origin are not accepted.", { vary: "Origin" })
    }
  }
}
