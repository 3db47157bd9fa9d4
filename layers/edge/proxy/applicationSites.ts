/** Sites of the published applications: made when a host is first requested, replaced when its entry changes. */
import { Clock, Effect } from "effect"
import { ConfigSource } from "../../config/ConfigSource.ts"
import { isRange } from "../../http/clientAddress.ts"
import { parseOrigin } from "../../http/hosts.ts"
import * as http from "../../http/section.ts"
import { Routes } from "../../http/Routes.ts"
import type { AnySite, Site } from "../../http/Sites.ts"
import { Authenticator } from "../../identity/Authenticator.ts"
import * as auth from "../../identity/section.ts"
import { Log } from "../../logging/Log.ts"
import { Dns } from "../../platform/Dns.ts"
import { Instance } from "../../platform/Instance.ts"
import { Metrics } from "../../telemetry/Metrics.ts"
import type { ProxyRow } from "../proxies/proxyRows.ts"
import { section } from "../section.ts"
import { servedAddresses } from "../servedAddresses.ts"
import { makeAccessLog } from "./accessLog.ts"
import { Application } from "./Application.ts"
import { makeApplicationResource } from "./applicationResource.ts"
import { makeBrowserSignIn } from "./browserSignIn.ts"
import { makeExchanges } from "./Exchanges.ts"
import type { Bridge } from "./Bridge.ts"
import { socketHandlers } from "./forwardWebSocket.ts"
import { makeHostMetrics } from "./hostMetrics.ts"
import { makeProtection } from "./protection.ts"
import { makeServe } from "./serveApplication.ts"
import { makeTargetCheck } from "./TargetCheck.ts"

interface Entry {
  readonly row: ProxyRow
  application: Application | undefined
  site: AnySite | undefined
}

/** Whether what runs may go on under the new entry. */
const isCompatible = (before: ProxyRow, now: ProxyRow) =>
  before.target_url === now.target_url && before.options.protect === now.options.protect

export const makeApplicationSites = Effect.gen(function* () {
  const config = yield* ConfigSource
  let settings = yield* config.read(section)
  const server = yield* config.read(http.section)
  const exchanges = yield* makeExchanges
  const metrics = yield* Metrics
  const measure = yield* makeHostMetrics
  const log = makeAccessLog(yield* Log, yield* Clock.Clock)
  const entries = new Map<string, Entry>()
  yield* config.follow(section, (now) =>
    Effect.sync(() => {
      settings = now
      for (const { application } of entries.values()) application?.limit(now)
    })
  )
  yield* metrics.gauge(
    "manifold_proxy_requests_running",
    "Proxied requests and WebSockets in progress.",
    exchanges.size
  )
  yield* metrics.gauge("manifold_proxies", "Published applications.", () => entries.size)

  const addresses = yield* servedAddresses
  const { oauth } = yield* config.read(auth.section)
  const protect = makeProtection({
    authenticator: yield* Authenticator,
    signIn: yield* makeBrowserSignIn(yield* Routes, addresses),
    resource: makeApplicationResource(
      addresses,
      oauth.issuers.map(({ issuer }) => issuer)
    ),
    allowedOrigins: new Set(server.cors_origins.flatMap((each) => parseOrigin(each) ?? []))
  })

  const serve = makeServe({
    exchanges,
    settings: () => settings,
    trustedProxies: server.trusted_proxies.filter(isRange),
    maxMessageBytes: server.max_message_bytes,
    pseudonym: `manifold-${(yield* Instance).id}`,
    targets: makeTargetCheck(yield* Dns),
    protect,
    record: (access) => {
      measure(access.host, access.status, access.duration)
      if (settings.access_log) log(access)
    }
  })
  const websocket = socketHandlers(server.max_message_bytes)

  const siteOf = (entry: Entry): AnySite => {
    const application = (entry.application ??= new Application(entry.row, settings))
    const site: Site<Bridge> = {
      hosts: [entry.row.hostname],
      isProtected: entry.row.options.protect !== undefined,
      maxBodyBytes: settings.max_body_bytes,
      fetch: (request, connection) => serve(application, request, connection),
      websocket
    }
    return site
  }
  const endOf = ({ application }: Entry) => {
    if (application !== undefined) exchanges.endAll(application)
  }
  const remove = (hostname: string) => {
    const entry = entries.get(hostname)
    entries.delete(hostname)
    if (entry !== undefined) endOf(entry)
  }
  const put = (row: ProxyRow) => {
    const before = entries.get(row.hostname)
    if (before?.row.revision === row.revision) return
    entries.set(row.hostname, { row, application: undefined, site: undefined })
    if (before !== undefined && !isCompatible(before.row, row)) endOf(before)
  }

  return {
    /** The site of a host name in lower case: exact match, else the longest wildcard. */
    find: (name: string): AnySite | undefined => {
      let entry = entries.get(name)
      for (let dot = name.indexOf("."); entry === undefined && dot !== -1; dot = name.indexOf(".", dot + 1)) {
        entry = entries.get(`*${name.slice(dot)}`)
      }
      return entry === undefined ? undefined : (entry.site ??= siteOf(entry))
    },
    put,
    remove,
    /** Removes all others. */
    retain: (hostnames: ReadonlySet<string>) => {
      for (const hostname of entries.keys()) if (!hostnames.has(hostname)) remove(hostname)
    },
    hosts: () => entries.keys(),
    drain: exchanges.endEndless
  }
})
export type ApplicationSites = Effect.Success<typeof makeApplicationSites>
