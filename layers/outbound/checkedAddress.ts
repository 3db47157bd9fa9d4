/** Resolves and checks the host of a URL, and chooses the address to connect to. */
import { Effect } from "effect"
import type { Dns } from "../platform/Dns.ts"
import { OutboundError } from "./OutboundError.ts"
import type { AddressChoice } from "./pinnedAddress.ts"
import type { Settings } from "./section.ts"
import * as target from "./target.ts"

export interface CheckOptions {
  readonly dns: Dns["Service"]
  readonly settings: Settings
  /** Treats the host like one of `outbound.allow_hosts`: private addresses pass, metadata and link-local addresses never do. */
  readonly allowPrivate: boolean
}

/** The parsed URL, and all addresses of its host, each of which may be requested. */
export const checkedAddresses = Effect.fnUntraced(function* (
  url: string | URL,
  { allowPrivate, dns, settings }: CheckOptions
) {
  const parsed = URL.parse(String(url))
  const allowed = allowPrivate && parsed !== null ? [parsed.host, parsed.hostname] : []
  const to = yield* target.parse(url, undefined, {
    ...settings,
    allow_hosts: [...settings.allow_hosts, ...allowed]
  })
  const addresses = to.literal
    ? [to.name]
    : yield* Effect.mapError(
        dns.lookup(to.name),
        (error) => new OutboundError({ reason: "dns", detail: error.message })
      )
  yield* target.admit(to, addresses, settings)
  return { to, addresses }
})

/** The address to connect to. */
export const checkedAddress = Effect.fnUntraced(function* (
  url: string | URL,
  options: CheckOptions,
  choice: AddressChoice
) {
  const { addresses, to } = yield* checkedAddresses(url, options)
  const chosen = choice.choose(to.name, target.portOf(to.url), addresses)
  return { to, address: typeof chosen === "string" ? chosen : yield* Effect.promise(() => chosen) }
})
