/** Answers of the HTTP listener: ACME challenges, and redirects to HTTPS for hosts that have a certificate. */
import { Effect } from "effect"
import { parseHost, withoutDot } from "../http/hosts.ts"
import { notFound, reject } from "../http/responses.ts"
import type { Sites } from "../http/Sites.ts"

/** RFC 8555, section 8.3. */
const challengePrefix = "/.well-known/acme-challenge/"
/** base64url with at least 128 bits of entropy; no CA sends longer ones. */
const tokenForm = /^[\w-]{1,128}$/

export interface RedirectOptions {
  /** Port by which clients reach the HTTPS listener. */
  readonly httpsPort: number
  /** Whether the host, in lower case, is served over HTTPS. */
  readonly isServed: (host: string) => boolean
  /** The response to a challenge with this token. */
  readonly challenge: (request: Request, token: string) => Response | Promise<Response>
}

/** Path and query as sent. */
const targetOf = (url: string): string => {
  const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("//") + 2)
  return start === -1 ? "/" : url.slice(start)
}

/** One site for all hosts: `Sites` that finds it for each Host header. */
export const redirectSites = ({ challenge, httpsPort, isServed }: RedirectOptions): Sites["Service"] => {
  const port = httpsPort === 443 ? "" : `:${httpsPort}`
  const site = {
    hosts: [],
    fetch: (request: Request): Response | Promise<Response> => {
      const target = targetOf(request.url)
      if (target.startsWith(challengePrefix)) {
        const token = target.slice(challengePrefix.length)
        if (request.method !== "GET" && request.method !== "HEAD") return notFound()
        return tokenForm.test(token) ? challenge(request, token) : notFound()
      }
      const host = parseHost(request.headers.get("host") ?? "")
      if (host === undefined) return reject(400, "Invalid Host header: expected one host name.")
      const name = withoutDot(host.name)
      if (!isServed(name)) return reject(421, "Host not served here.")
      // Keeps the method and the body (RFC 9110, section 15.4.9).
      return new Response(null, { status: 308, headers: { location: `https://${name}${port}${target}` } })
    }
  }
  const fixed = () => Effect.die(new Error("the sites of the HTTP listener are fixed"))
  return {
    add: fixed,
    addSource: fixed,
    findUnsafe: () => site,
    loadingUnsafe: () => undefined,
    drains: Effect.succeed([])
  }
}
