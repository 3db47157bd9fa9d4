/** A `fetch` for libraries that send requests to a configured URL, such as SDKs of model providers. */
import { Effect } from "effect"
import type { Dns } from "../platform/Dns.ts"
import { OutboundError } from "./OutboundError.ts"
import type { Settings } from "./section.ts"
import * as target from "./target.ts"

/** The part of `fetch` that libraries need. */
export type ConfiguredFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

interface ConfiguredFetchOptions {
  readonly settings: Settings
  readonly dns: Dns["Service"]
  readonly ca?: string
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
 * and link-local addresses never do. Unlike in `exchange`, the connection is made by name and kept open for the next
 * request: a handshake with a distant provider costs more than a short answer, and TLS checks the name all the same.
 * Redirects are not followed: they would carry the key to another host. The caller sets time limits by `init.signal`.
 */
export const configuredFetch = (
  { ca, dns, settings }: ConfiguredFetchOptions,
  maxBytes: number
): ConfiguredFetch => {
  /** URLs with an address instead of a name that passed: the same check would pass again. */
  const passed = new Set<string>()

  const check = Effect.fnUntraced(function* (url: string) {
    const { host, hostname } = new URL(url)
    const to = yield* target.parse(url, undefined, {
      ...settings,
      allow_hosts: [...settings.allow_hosts, host, hostname]
    })
    if (to.literal) {
      yield* target.admit(to, [to.name], settings)
      if (passed.size >= maxPassed) passed.clear()
      passed.add(url)
      return
    }
    const addresses = yield* Effect.mapError(
      dns.lookup(to.name),
      (error) => new OutboundError({ reason: "dns", detail: error.message })
    )
    yield* target.admit(to, addresses, settings)
  })

  return async (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input)
    if (!passed.has(url)) await Effect.runPromise(check(url))
    const requestHeaders = new Headers(init.headers)
    if (!requestHeaders.has("user-agent")) requestHeaders.set("user-agent", settings.user_agent)
    const response = await fetch(url, {
      ...init,
      headers: requestHeaders,
      redirect: "manual",
      keepalive: true,
      proxy: false,
      timeout: false,
      tls: { rejectUnauthorized: true, ...(ca !== undefined && { ca }) }
    } as RequestInit)
    if (response.body === null) return response
    const { headers, status, statusText } = response
    return new Response(limited(response.body, maxBytes), { headers, status, statusText })
  }
}
