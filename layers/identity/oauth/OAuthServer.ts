/** The OAuth server: authorization, tokens, registration of clients, sign-in and consent. Loaded with its first request. */
import { Cause, Clock, Duration, Effect, Semaphore } from "effect"
import type { Provider } from "oidc-provider"
import { Identity } from "../../../src/domain/Identity.ts"
import { Audit } from "../../audit/Audit.ts"
import { ConfigSource } from "../../config/ConfigSource.ts"
import { clientAddress, isRange } from "../../http/clientAddress.ts"
import { messagePage } from "../../http/htmlPage.ts"
import { toNode } from "../../http/nodeBridge.ts"
import { pathOf } from "../../http/requestRouting.ts"
import { json } from "../../http/responses.ts"
import * as http from "../../http/section.ts"
import { Ids } from "../../platform/Ids.ts"
import { derivedKey } from "../../storage/encryptionKey.ts"
import * as sealings from "../../storage/sealing.ts"
import type { Sql } from "../../storage/Sql.ts"
import { AttemptLimit } from "../AttemptLimit.ts"
import { section } from "../section.ts"
import { Authenticator } from "../Authenticator.ts"
import * as tokens from "./accessTokens.ts"
import * as accountPages from "./accountPage.ts"
import { Accounts } from "./Accounts.ts"
import * as clients from "./clients.ts"
import * as requests from "./clientRequests.ts"
import { failureOf, signInElsewhere, unavailable } from "./errorResponses.ts"
import * as grants from "./grants.ts"
import * as interactions from "./interactions.ts"
import * as keys from "./keys.ts"
import { oauthSecret } from "./secret.ts"
import { identityScopes, makeProvider, supportedScopes } from "./provider.ts"
import { receiveBody, withBody } from "./requestBody.ts"
import * as requestLimits from "./requestLimits.ts"
import { bindResume, hasFinished, isWholeHost } from "./resumeCookie.ts"
import { reseal } from "./reseal.ts"
import * as signIns from "./signIn.ts"
import * as records from "./records.ts"
import type { PublicAddress } from "./publicAddress.ts"
import { monotonicMillis } from "../../platform/monotonic.ts"

/** Milliseconds after which the keys are read again: another instance may have replaced them. */
const keysInterval = 10 * 60_000
/** Requests that run at once; further ones wait, and beyond `maxWaiting` get 503. */
const maxRunning = 16
const maxWaiting = 256
/** Documents of clients that are fetched per minute. */
const maxFetches = 60

export interface OAuthServerOptions {
  /** Requests public addresses only. */
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>
  readonly count: requestLimits.Count
  /** Whether a host is that of a protected application. */
  readonly isProtected: (host: string) => boolean
}

interface Current {
  readonly provider: Provider
  readonly interact: ReturnType<typeof interactions.make>
  readonly showAccount: ReturnType<typeof accountPages.make>
  readonly version: string
  readonly readAt: number
}

export const make = Effect.fnUntraced(function* ({ count, fetch, isProtected }: OAuthServerOptions) {
  const { oauth: settings } = yield* (yield* ConfigSource).read(section)
  const { trusted_proxies } = yield* (yield* ConfigSource).read(http.section)
  const trustedProxies = trusted_proxies.filter(isRange)
  const services = yield* Effect.context<Sql | Ids>()
  const accounts = yield* Accounts
  const audit = yield* Audit
  const { name, title } = yield* Identity
  const log = Effect.runForkWith(yield* Effect.context<never>())
  const runPromise = Effect.runPromiseWith(yield* Effect.context<never>())
  const secret = yield* oauthSecret
  const sealing = yield* sealings.make(secret.current)
  if (secret.previous !== undefined) {
    const changed = yield* reseal(yield* sealings.make(secret.previous), sealing)
    if (changed > 0) yield* Effect.logInfo("keys of the OAuth server were encrypted with auth.oauth.secret")
  }
  const clientAdapter = yield* clients.make(sealing, settings.max_clients)
  const { recheck } = yield* Authenticator
  const stored = yield* records.make(recheck(tokens.kind))
  const granted = yield* grants.make(recheck(tokens.kind))
  const readKeys = Effect.provideContext(
    Effect.flatMap(keys.make(sealing), ({ read }) => read),
    services
  )
  const limitOf = (limit: { readonly max: number; readonly window: Duration.Duration }) =>
    new AttemptLimit({ max: limit.max, window: Duration.toMillis(limit.window) })
  const rejection = requestLimits.make(count, settings)
  const fetches = new AttemptLimit({ max: maxFetches, window: 60_000 })
  const perAccount = limitOf(settings.sign_ins_per_account)
  const perAddress = limitOf(settings.sign_ins_per_address)
  const signIn = signIns.make({ accounts, audit, perAccount, perAddress })
  const access = new Set(supportedScopes(settings))
  const supported = new Set([...access, ...identityScopes])
  const clock = yield* Clock.Clock
  /** Errors of the server, by request. */
  const failures = new WeakMap<object, unknown>()

  const build = ({ issuer, resources }: PublicAddress, read: keys.Keys, now: number): Current => {
    const provider = makeProvider({
      issuer,
      settings,
      nonceKey: derivedKey(secret.current, "dpop-nonce"),
      keys: read,
      resources,
      fetch,
      adapter: (model) => (model === "Client" ? clientAdapter : stored.adapter(model)),
      account: (id) => runPromise(accounts.find(id)),
      mayFetch: () => fetches.count("", monotonicMillis(clock)) === undefined
    })
    provider.on("server_error", ({ req }, error) => void failures.set(req, error))
    const pages = { provider, publicUrl: issuer, service: title ?? name, accounts, audit, signIn }
    return {
      provider,
      interact: interactions.make({ ...pages, endSession: stored.endSession, isProtected }),
      showAccount: accountPages.make({ ...pages, ...granted, settings }),
      version: read.version,
      readAt: now
    }
  }

  const building = yield* Semaphore.make(1)
  /** By issuer: one, or one for each allowed host. */
  const built = new Map<string, Current>()
  const fresh = (issuer: string, now: number): Current | undefined => {
    const found = built.get(issuer)
    return found !== undefined && now - found.readAt < keysInterval ? found : undefined
  }
  /** The provider of the issuer, with the current keys. */
  const current = (at: PublicAddress) =>
    Effect.suspend(() => {
      const now = monotonicMillis(clock)
      const known = fresh(at.issuer, now)
      if (known !== undefined) return Effect.succeed(known)
      return building.withPermit(
        Effect.gen(function* () {
          const other = fresh(at.issuer, now)
          if (other !== undefined) return other
          const read = yield* readKeys
          const before = built.get(at.issuer)
          const next = before?.version === read.version ? { ...before, readAt: now } : build(at, read, now)
          built.set(at.issuer, next)
          return next
        })
      )
    })

  /** Passes a request to the provider. */
  const provide = Effect.fnUntraced(function* (request: Request, address: string, at: PublicAddress) {
    const { provider } = yield* current(at)
    const node = toNode(request, at.issuer, address)
    const respond = provider.callback()
    const changes = records.noChanges()
    const response = yield* Effect.promise(() =>
      stored.collect(changes, async () => {
        const [answered] = await Promise.all([node.answered, respond(node.request, node.response)])
        return answered
      })
    )
    const failure = failures.get(node.request)
    // CORS is the listener's.
    for (const header of Array.from(response.headers.keys())) {
      if (header.startsWith("access-control-")) response.headers.delete(header)
    }
    if (failure !== undefined) return yield* Effect.fail(failure)
    if (changes.writes.length > 0) yield* stored.commit(changes)
    return response
  })

  const withUrl = (request: Request, change: (url: URL) => void): Request => {
    const url = new URL(request.url)
    change(url)
    return new Request(url.href, { headers: request.headers, method: request.method })
  }
  const register = Effect.fnUntraced(function* (
    request: Request,
    body: string,
    address: string,
    at: PublicAddress
  ) {
    const rejected = yield* rejection("registrations", pathOf(request.url), address)
    if (rejected !== undefined) return rejected
    const registration = requests.completeRegistration(body)
    if (requests.isRejected(registration)) return json(400, registration)
    return yield* provide(withBody(request, JSON.stringify(registration)), address, at)
  })

  /** The authorization request again, for a browser that repeats one that has ended: the user need not decide again. */
  const restart = (uid: string, { issuer }: PublicAddress) =>
    Effect.map(stored.ended(uid), (params) =>
      params === undefined
        ? undefined
        : interactions.redirect(interactions.authorizationUrl(issuer, params).href)
    )

  /** A page for a browser: sign-in and consent, or that of an account. */
  const page = Effect.fnUntraced(function* (
    request: Request,
    body: string,
    path: string,
    address: string,
    at: PublicAddress
  ) {
    const { method } = request
    if (method !== "GET" && method !== "POST" && method !== "HEAD") {
      return messagePage(405, "Method not allowed", "Open this page in a browser.")
    }
    const site = request.headers.get("sec-fetch-site")
    if (method === "POST" && site !== null && site !== "same-origin") {
      return messagePage(403, "Request from another site", "Open the page again, and send the form there.")
    }
    const { interact, showAccount } = yield* current(at)
    const form = method === "POST" ? new URLSearchParams(body) : undefined
    if (path === accountPages.accountPath) return yield* showAccount(request, address, form)
    const uid = path.slice(interactions.interactionPath.length)
    return bindResume(yield* interact(request, address, form, restart(uid, at)), at.issuer, uid)
  })

  /** Continues after the last page. The interaction may have ended before, or with another request at the same time. */
  const resume = Effect.fnUntraced(function* (
    request: Request,
    uid: string,
    address: string,
    at: PublicAddress
  ) {
    const again = yield* restart(uid, at)
    if (again !== undefined) return again
    if (isWholeHost(at.issuer) && !hasFinished(request, uid)) return signInElsewhere()
    const response = yield* provide(request, address, at)
    return response.status === 400 ? ((yield* restart(uid, at)) ?? response) : response
  })

  const resumed = /^\/oauth\/authorize\/([\w-]+)$/

  const route = Effect.fnUntraced(function* (
    request: Request,
    body: string,
    address: string,
    at: PublicAddress
  ) {
    const completion: requests.Completion = { resources: at.resources, access, supported }
    const path = new URL(request.url).pathname
    if (path === "/oauth/authorize") {
      return yield* provide(
        withUrl(request, ({ searchParams }) => requests.completeAuthorization(searchParams, completion)),
        address,
        at
      )
    }
    if (path === "/oauth/register" && request.method === "POST") {
      return yield* register(request, body, address, at)
    }
    if (path === accountPages.accountPath || path.startsWith(interactions.interactionPath)) {
      return yield* page(request, body, path, address, at)
    }
    if (path === "/oauth/token" && request.method === "POST") {
      return yield* provide(withBody(request, requests.completeToken(body, completion)), address, at)
    }
    const uid = resumed.exec(path)?.[1]
    if (uid !== undefined) return yield* resume(request, uid, address, at)
    return yield* provide(body === "" ? request : withBody(request, body), address, at)
  })

  /** Logs a failure. */
  const reported = (path: string, cause: Cause.Cause<unknown>) => {
    const { line, response } = failureOf(path, cause)
    if (line !== undefined) log(line)
    return response
  }

  const slots = yield* Semaphore.make(maxRunning)
  let waiting = 0

  /** Responds to a request below `/oauth` or for the metadata of the server. */
  return (request: Request, peer: string, at: PublicAddress): Effect.Effect<Response> =>
    Effect.gen(function* () {
      const path = pathOf(request.url)
      const address = clientAddress(request.headers, peer, trustedProxies)
      const rejected = yield* rejection("requests", path, address)
      if (rejected !== undefined) return rejected
      if (waiting >= maxRunning + maxWaiting) {
        return unavailable(path, "Too many requests at this moment. Retry later.")
      }
      const body = yield* receiveBody(request)
      if (body instanceof Response) return body
      waiting++
      return yield* slots.withPermit(route(request, body, address, at)).pipe(
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.succeed(reported(path, cause))
        ),
        Effect.ensuring(Effect.sync(() => waiting--))
      )
    })
})

export type OAuthServer = Effect.Success<ReturnType<typeof make>>
