/** Sign-in of browsers at protected applications: the authorization code flow at the service's own OAuth server, and a session cookie per host. */
import { Effect, Schema } from "effect"
import { escaped, htmlPage, messagePage } from "../../http/htmlPage.ts"
import type { Connection, Routes } from "../../http/Routes.ts"
import { signedInPath, signOutPath } from "../../identity/oauth/applicationSignIn.ts"
import type { PublicAddress, PublicAddresses } from "../../identity/oauth/publicAddress.ts"
import { oauthSecret } from "../../identity/oauth/secret.ts"
import type { ConfigSource } from "../../config/ConfigSource.ts"
import { sha256 } from "../../platform/digest.ts"
import { Ids } from "../../platform/Ids.ts"
import type { Storage } from "../../storage/Storage.ts"
import { cookiePrefix } from "./ownCookies.ts"
import { derivedKey } from "../../storage/encryptionKey.ts"
import * as sealings from "../../storage/sealing.ts"
import { toOAuth } from "../../../src/domain/scopes.ts"

const sessionCookie = `${cookiePrefix}session`
const flowCookie = `${cookiePrefix}flow`
/** Seconds in which a sign-in must be finished. */
const flowSeconds = 600
/** Most cached registrations. A full cache is cleared. */
const maxClients = 1000
const longestCookie = 4096
const secretBytes = 32

/** A request of a browser for a protected application. */
export interface Visit {
  readonly request: Request
  readonly connection: Pick<Connection, "address" | "encrypted" | "requestId">
  readonly scope: string
  /** As the browser sees it, such as `https://app.example.com`. */
  readonly origin: string
}

const Flow = Schema.fromJsonString(
  Schema.Struct({ state: Schema.String, verifier: Schema.String, path: Schema.String })
)
const Registered = Schema.fromJsonString(Schema.Struct({ client_id: Schema.String }))
const Token = Schema.fromJsonString(Schema.Struct({ access_token: Schema.String, expires_in: Schema.Finite }))

const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url")

const cookieOf = ({ headers }: Request, name: string): string | undefined => {
  for (const each of headers.get("cookie")?.split(/; */) ?? []) {
    if (each.startsWith(`${name}=`) && each.length <= longestCookie) return each.slice(name.length + 1)
  }
  return undefined
}

const cookie = (name: string, value: string, seconds: number) =>
  `${name}=${value}; Path=/; Max-Age=${Math.floor(seconds)}; HttpOnly; Secure; SameSite=Lax`

const redirect = (location: string, ...cookies: ReadonlyArray<string>): Response => {
  const headers = new Headers({ location, "cache-control": "no-store" })
  for (const each of cookies) headers.append("set-cookie", each)
  return new Response(null, { status: 302, headers })
}

/** The session at the OAuth server goes on, which signs in at this and other applications without a page. */
const accountHint = (issuer: string) =>
  `It opens again without a password until you <a href="${escaped(issuer)}/oauth/account">sign out of your account</a>.`

const failed = (text: string) =>
  messagePage(400, "Sign-in not finished", `${text} Open the application again to sign in.`)

/** The connection of a request that the service sends to itself. */
const internal = ({ address, encrypted, requestId }: Visit["connection"]): Connection<unknown> => ({
  address,
  encrypted,
  requestId,
  loopback: false,
  keepOpen: () => {},
  limitIdle: () => {},
  cut: () => {},
  charge: () => {},
  upgrade: () => false
})

export const makeBrowserSignIn = Effect.fnUntraced(function* (
  routes: Routes["Service"],
  addresses: PublicAddresses
) {
  const ids = yield* Ids
  const services = yield* Effect.context<ConfigSource | Ids | Storage>()
  let made: sealings.Sealing | undefined
  /** A failure is not cached. */
  const key = Effect.suspend(() =>
    made === undefined
      ? Effect.flatMap(oauthSecret, ({ current }) => sealings.make(derivedKey(current, "edge-sign-in"))).pipe(
          Effect.tap((sealing) => Effect.sync(() => (made = sealing))),
          Effect.provideContext(services)
        )
      : Effect.succeed(made)
  )
  /** Client ids of applications, by origin. */
  const clients = new Map<string, string>()

  const sealed = (name: string, text: string) =>
    Effect.map(
      Effect.flatMap(key, ({ seal }) => seal(name, text)),
      base64url
    )
  const opened = (name: string, text: string | undefined) =>
    text === undefined
      ? Effect.undefined
      : Effect.orElseSucceed(
          Effect.flatMap(key, ({ open }) => open(name, Buffer.from(text, "base64url"))),
          () => undefined
        )

  /** Sends a request to the OAuth server, and decodes the response. */
  const ask = Effect.fnUntraced(function* <A>(
    { connection, request: visited }: Visit,
    { issuer }: PublicAddress,
    {
      body,
      path,
      schema,
      type
    }: {
      readonly path: string
      readonly type: string
      readonly body: string
      readonly schema: Schema.Codec<A, string>
    }
  ) {
    const route = routes.findUnsafe(path)
    if (route === undefined) return undefined
    // The limits of the OAuth server count the client behind a trusted proxy.
    const client = visited.headers.get("x-forwarded-for")
    const request = new Request(`${issuer}${path}`, {
      method: "POST",
      headers: {
        host: new URL(issuer).host,
        ...(client !== null && { "x-forwarded-for": client }),
        "content-type": type,
        "content-length": String(Buffer.byteLength(body))
      },
      body
    })
    const response = yield* Effect.promise(async () => route.fetch(request, internal(connection)))
    if (response === undefined || response.status >= 400) {
      yield* Effect.logWarning(
        `The OAuth server rejected the sign-in at an application with ${response?.status}`
      )
      return undefined
    }
    const text = yield* Effect.promise(() => response.text())
    return yield* Effect.orElseSucceed(Schema.decodeEffect(schema)(text), () => undefined)
  })

  /** Registers the application as a client, which is the same one after each registration. */
  const clientOf = Effect.fnUntraced(function* (visit: Visit, at: PublicAddress) {
    const { origin } = visit
    const known = clients.get(origin)
    if (known !== undefined) return known
    const registered = yield* ask(visit, at, {
      path: "/oauth/register",
      type: "application/json",
      body: JSON.stringify({
        client_name: new URL(origin).host,
        redirect_uris: [`${origin}${signedInPath}`],
        grant_types: ["authorization_code"],
        response_types: ["code"],
        token_endpoint_auth_method: "none"
      }),
      schema: Registered
    })
    if (registered === undefined) return undefined
    if (clients.size >= maxClients) clients.clear()
    clients.set(origin, registered.client_id)
    return registered.client_id
  })

  /** Redirects to the sign-in page; `undefined` if there is none. */
  const begin = Effect.fnUntraced(function* (visit: Visit) {
    const { connection, origin, request, scope } = visit
    const at = addresses.signInAt(request, connection)
    if (at === undefined || !origin.startsWith("https://")) return undefined
    const client = yield* clientOf(visit, at)
    if (client === undefined) return undefined
    const [state, verifier] = [
      base64url(yield* ids.secret(secretBytes)),
      base64url(yield* ids.secret(secretBytes))
    ]
    const path = request.url.slice(request.url.indexOf("/", 8))
    const url = new URL(`${at.issuer}/oauth/authorize`)
    url.search = new URLSearchParams({
      client_id: client,
      response_type: "code",
      redirect_uri: `${origin}${signedInPath}`,
      scope: toOAuth(scope),
      state,
      code_challenge: base64url(sha256(verifier)),
      code_challenge_method: "S256",
      resource: origin
    }).toString()
    const flow = yield* sealed(`flow ${origin}`, JSON.stringify({ state, verifier, path }))
    return redirect(url.href, cookie(flowCookie, flow, flowSeconds))
  })

  /** Redeems the code, and starts the session. State and issuer are checked before (RFC 9700, section 2.1; RFC 9207). */
  const finish = Effect.fnUntraced(function* (visit: Visit) {
    const { connection, origin, request } = visit
    const at = addresses.signInAt(request, connection)
    const params = new URL(request.url).searchParams
    const text = yield* opened(`flow ${origin}`, cookieOf(request, flowCookie))
    const flow = text === undefined ? undefined : yield* Effect.orDie(Schema.decodeEffect(Flow)(text))
    if (at === undefined || flow === undefined || params.get("state") !== flow.state) {
      return failed("This sign-in was begun in another tab, or took too long.")
    }
    if (params.get("iss") !== at.issuer)
      return failed("The answer is not from the sign-in page of this service.")
    const code = params.get("code")
    if (code === null) return failed("Access was denied.")
    const client = yield* clientOf(visit, at)
    const token = yield* ask(visit, at, {
      path: "/oauth/token",
      type: "application/x-www-form-urlencoded",
      body: new URLSearchParams({
        grant_type: "authorization_code",
        code,
        redirect_uri: `${origin}${signedInPath}`,
        client_id: client ?? "",
        code_verifier: flow.verifier,
        resource: origin
      }).toString(),
      schema: Token
    })
    if (token === undefined) return failed("The sign-in could not be verified.")
    const session = yield* sealed(`session ${origin}`, token.access_token)
    // Absolute: a path may begin with two slashes, which name another host in a relative URL.
    return redirect(
      `${origin}${flow.path}`,
      cookie(sessionCookie, session, token.expires_in),
      cookie(flowCookie, "", 0)
    )
  })

  /** Revokes the access token, also for copies of the cookie and for streams of all instances, and removes the cookie. */
  const end = Effect.fnUntraced(function* (visit: Visit) {
    const { connection, origin, request } = visit
    const token = yield* opened(`session ${origin}`, cookieOf(request, sessionCookie))
    const at = addresses.signInAt(request, connection)
    if (token !== undefined && at !== undefined) {
      const client = yield* clientOf(visit, at)
      const revoked = yield* ask(visit, at, {
        path: "/oauth/revoke",
        type: "application/x-www-form-urlencoded",
        body: new URLSearchParams({ token, client_id: client ?? "" }).toString(),
        schema: Schema.String
      })
      if (revoked === undefined)
        return messagePage(503, "Not signed out", "The sign-in cannot be ended now. Try again later.")
    }
    const account = at === undefined ? "" : ` ${accountHint(at.issuer)}`
    const page = htmlPage({
      status: 200,
      title: "Signed out",
      body: `<h1>Signed out</h1><p>You are signed out of this application.${account}</p>`
    })
    page.headers.append("set-cookie", cookie(sessionCookie, "", 0))
    return page
  })

  return {
    begin,
    /** Answers a path of the sign-in itself; `undefined` for all others. */
    respond: (visit: Visit, path: string): Effect.Effect<Response> | undefined => {
      if (path === signedInPath) return Effect.orDie(finish(visit))
      return path === signOutPath ? end(visit) : undefined
    },
    /** The access token of the session. */
    token: ({ origin, request }: Visit) => opened(`session ${origin}`, cookieOf(request, sessionCookie))
  }
})
export type BrowserSignIn = Effect.Success<ReturnType<typeof makeBrowserSignIn>>

/** Whether the request opens a page. */
export const opensPage = ({ headers, method }: Request): boolean =>
  (method === "GET" || method === "HEAD") && headers.get("accept")?.includes("text/html") === true

export const hasSession = ({ headers }: Request): boolean =>
  headers.get("cookie")?.includes(`${sessionCookie}=`) === true
