/** A `fetch` for libraries that send requests to a configured URL, such as SDKs of model providers. */
import { Effect } from "effect"
import type { Dns } from "../platform/Dns.ts"
import { checkedAddress } from "./checkedAddress.ts"
import { OutboundError } from "./OutboundError.ts"
import { codeOf, isUnreachable, makeAddressChoice, pinnedTls, pinnedUrl } from "./pinnedAddress.ts"
import type { Settings } from "./section.ts"
import { portOf, type Target } from "./target.ts"

/** The part of `fetch` that libraries need. */
export type ConfiguredFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

interface ConfiguredFetchOptions {
  readonly settings: Settings
  readonly dns: Dns["Service"]
  readonly ca?: string
}

interface Route {
  readonly to: Target
  /** With the address as its host. */
  readonly url: string
}

/** Libraries may put ids into paths. */
const maxPassed = 1000

/** The body, which fails once it exceeds `maxBytes`. */
const limited = (body: ReadableStream<Uint8Array>, maxBytes: number): ReadableStream<Uint8Array> => {
  const reader = body.getReader()
  let size = 0
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await reader.read()
        if (done) return controller.close()
        size += value.byteLength
        if (size > maxBytes) {
          const detail = `the body is larger than ${maxBytes} bytes`
          controller.error(new OutboundError({ reason: "body", detail }))
          await reader.cancel()
          return
        }
        controller.enqueue(value)
      },
      cancel: (reason) => reader.cancel(reason)
    },
    { highWaterMark: 0 }
  )
}

/**
 * The URL's host is treated like one of `outbound.allow_hosts`, because the operator wrote it: private addresses pass, metadata
 * and link-local addresses never do. The connection goes to the checked address, and is kept open for the next request: a
 * handshake with a distant provider costs more than a short answer. Redirects are not followed: they would carry the key to
 * another host. The caller sets time limits by `init.signal`.
 */
export const configuredFetch = (
  { ca, dns, settings }: ConfiguredFetchOptions,
  maxBytes: number
): ConfiguredFetch => {
  const choice = makeAddressChoice()
  /** URLs with an address instead of a name that passed: the same check would pass again. */
  const passed = new Map<string, Route>()

  const routeOf = Effect.fnUntraced(function* (url: string) {
    const { address, to } = yield* checkedAddress(url, { settings, dns, allowPrivate: true }, choice)
    const route: Route = { to, url: pinnedUrl(to.url, address).href }
    if (to.literal) {
      if (passed.size >= maxPassed) passed.clear()
      passed.set(url, route)
    }
    return route
  })

  const send = ({ to, url }: Route, init: RequestInit) => {
    const headers = new Headers(init.headers)
    if (!headers.has("user-agent")) headers.set("user-agent", settings.user_agent)
    headers.set("host", to.url.host)
    return fetch(url, {
      ...init,
      headers,
      redirect: "manual",
      keepalive: true,
      proxy: false,
      timeout: false,
      tls: { ...pinnedTls(to), ...(ca !== undefined && { ca }) }
    } as RequestInit)
  }

  return async (input, init = {}) => {
    const given = input instanceof Request ? input.url : String(input)
    const route = passed.get(given) ?? (await Effect.runPromise(routeOf(given)))
    const response = await send(route, init).catch(async (cause: unknown) => {
      if (route.to.literal || !isUnreachable(codeOf(cause)) || init.signal?.aborted === true) throw cause
      choice.forget(route.to.name, portOf(route.to.url))
      const other = await Effect.runPromise(routeOf(given))
      if (other.url === route.url) throw cause
      return send(other, init)
    })
    if (response.body === null) return response
    const { headers, status, statusText } = response
    return new Response(limited(response.body, maxBytes), { headers, status, statusText })
  }
}
