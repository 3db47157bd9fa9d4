/** The account of one principal at an upstream server: access tokens, their renewal, and sign-in when there are none. */
import type { AuthProvider, FetchLike } from "@modelcontextprotocol/client"
import { Clock, Duration, Effect, Exit, Fiber, Scope, Semaphore } from "effect"
import { UpstreamError } from "../UpstreamError.ts"
import { authorizationRequests, type AuthorizationRequests, type Begun } from "./authorizationRequests.ts"
import type { CredentialOwner, Stored, StoredTokens } from "./Credentials.ts"
import { Credentials } from "./Credentials.ts"
import type { OAuthSettings } from "./OAuthSettings.ts"
import { union } from "./scopes.ts"
import { type Resume, SignIns, type SignIn } from "./SignIns.ts"

export interface AccountOptions {
  readonly owner: CredentialOwner
  readonly settings: OAuthSettings
  /** Whether the user chose OAuth; else only a server with metadata of an authorization server is signed in to. */
  readonly chosen: boolean
  /** Name of this program, which authorization servers show to users. */
  readonly clientName: string
  /** Makes the requests to authorization servers. */
  readonly fetch: FetchLike
  /** How long a sign-in waits for the user. */
  readonly signInTimeout: Duration.Duration
  /** Runs after each sign-in, also one of another process. */
  readonly onSignedIn: Effect.Effect<void>
}

export interface Account {
  /** For the transport: adds the access token, and renews a rejected one. */
  readonly authProvider: AuthProvider
  /** Remembers which token a rejected request had, so that a newer one is not renewed again. */
  readonly observed: (fetch: FetchLike) => FetchLike
  /** Begins a sign-in, or returns the one that waits. `scope`: additional scopes that a request needs. */
  readonly signIn: (scope?: string) => Effect.Effect<SignIn, UpstreamError>
  /** Whether a sign-in begins, or waits for the user. */
  readonly isWaiting: () => boolean
  /** Forgets all tokens and registrations. */
  readonly forget: Effect.Effect<void>
}

/** Error codes of an authorization server that did not decide (RFC 6749, section 4.1.2.1; RFC 8628). */
const undecided: ReadonlySet<string> = new Set([
  "unreachable",
  "server_error",
  "temporarily_unavailable",
  "slow_down"
])

/** Error codes for a client that the authorization server does not know, and one that may not use the grant. */
const clientErrors: ReadonlySet<string> = new Set(["invalid_client", "unauthorized_client"])

/** Number of issuers whose credentials are kept. */
const maxIssuers = 4

const tokensOf = ({ current, issuers }: Stored): StoredTokens | undefined =>
  current === undefined ? undefined : issuers[current]?.tokens

/** Without the tokens in use, and optionally without the registration that they were issued to. */
const without = (stored: Stored, what: "tokens" | "client"): Stored => {
  const { current, issuers } = stored
  if (current === undefined) return stored
  const { client } = issuers[current] ?? {}
  return { ...stored, issuers: { ...issuers, [current]: what === "tokens" && client ? { client } : {} } }
}

const bearer = (token: string) => `Bearer ${token}`

export const makeAccount = Effect.fnUntraced(function* (options: AccountOptions) {
  const { chosen, onSignedIn, owner, settings } = options
  const { server } = owner
  const signIns = yield* SignIns
  const file = (yield* Credentials).of(owner)
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const run = Effect.runPromiseWith(yield* Effect.context<never>())
  const machine = settings.grant === "client_credentials"
  const requests: AuthorizationRequests = yield* Effect.promise(() => authorizationRequests(options))
  const now = () => clock.currentTimeMillisUnsafe()

  /** The credentials as this process saw them last. */
  let cached: Stored | undefined
  let challenge: { readonly metadataUrl: URL | undefined; readonly scope: string | undefined } = {
    metadataUrl: undefined,
    scope: undefined
  }
  const remember = (stored: Stored) => {
    cached = stored
    return stored
  }
  const loaded = Effect.suspend(() =>
    cached === undefined ? Effect.map(file.load, remember) : Effect.succeed(cached)
  )
  const save = (stored: Stored) => Effect.suspend(() => file.save(remember(stored)))

  const put = (stored: Stored, issuer: string, tokens: StoredTokens, registered: boolean) => {
    const others = Object.entries(stored.issuers).filter(([each]) => each !== issuer)
    return save({
      current: issuer,
      issuers: {
        ...Object.fromEntries(others.slice(1 - maxIssuers)),
        [issuer]: { tokens, ...(registered && { client: tokens.client }) }
      }
    })
  }

  const turn = Semaphore.makeUnsafe(1)
  const exclusively = <A, E>(effect: (stored: Stored) => Effect.Effect<A, E>) =>
    turn.withPermit(file.locked(Effect.flatMap(Effect.map(file.load, remember), effect)))

  const fresh = Effect.fnUntraced(function* (stored: Stored, tokens: StoredTokens, refreshToken: string) {
    const renewed = yield* requests.refresh(tokens, refreshToken)
    yield* put(
      stored,
      tokens.client.issuer,
      renewed,
      stored.issuers[tokens.client.issuer]?.client !== undefined
    )
    return renewed.access_token
  })

  /** A token other than the rejected one; `undefined`: a user must sign in. One request at a time, in all processes. */
  const renew = (rejected: string | undefined) =>
    exclusively((stored): Effect.Effect<string | undefined, UpstreamError> => {
      const tokens = tokensOf(stored)
      if (tokens !== undefined && tokens.access_token !== rejected) return Effect.succeed(tokens.access_token)
      if (machine) {
        return requests.clientCredentials(challenge).pipe(
          Effect.tap((made) => put(stored, made.client.issuer, made, false)),
          Effect.map(({ access_token }) => access_token)
        )
      }
      if (tokens?.refresh_token === undefined || !requests.isOwn(tokens)) {
        return Effect.as(save(without(stored, "tokens")), undefined)
      }
      return fresh(stored, tokens, tokens.refresh_token).pipe(
        Effect.catchTag("TokenRequestError", ({ code, detail }) => {
          const reset = clientErrors.has(code) ? "client" : "tokens"
          if (undecided.has(code)) {
            return Effect.fail(new UpstreamError({ server, stage: "authenticate", detail, unsent: true }))
          }
          return Effect.logInfo(`upstream ${server}: ${detail}; sign in again`).pipe(
            Effect.andThen(save(without(stored, reset))),
            Effect.as(undefined)
          )
        })
      )
    })

  const token = Effect.gen(function* () {
    const tokens = tokensOf(yield* loaded)
    if (tokens === undefined) return machine ? yield* renew(undefined) : undefined
    const { access_token, expires_at = Infinity, refresh_token, renew_at = expires_at } = tokens
    const renewable = machine || refresh_token !== undefined
    if (now() < renew_at || !renewable) return access_token
    return yield* renew(access_token).pipe(
      Effect.catchIf(
        () => now() < expires_at,
        () => Effect.succeed(access_token)
      )
    )
  })

  /** Fails because a user must sign in, or because the server offers no sign-in. */
  const denied = Effect.gen(function* () {
    const offered = chosen || (yield* requests.offersSignIn(challenge))
    return yield* new UpstreamError({
      server,
      stage: "authenticate",
      detail: offered
        ? "sign-in required"
        : "the server denies access (HTTP 401): check the headers of its entry in mcpServers",
      unsent: true,
      ...(offered && { signIn: {} })
    })
  })

  const used = new WeakMap<Response, string>()
  const unauthorized = Effect.fnUntraced(function* (response: Response) {
    challenge = yield* Effect.promise(() => requests.challengeOf(response))
    const tokens = tokensOf(yield* loaded)
    const sent = used.get(response)
    if (tokens !== undefined && sent !== undefined && sent !== bearer(tokens.access_token)) return
    if ((yield* renew(tokens?.access_token)) === undefined) return yield* denied
  })

  let waiting: { readonly signIn: SignIn; readonly scope: Scope.Closeable } | undefined
  const signInTurn = Semaphore.makeUnsafe(1)

  /** Stores the tokens of a response of the authorization server. */
  const finished = ({ finish, issuer }: Pick<Begun, "finish" | "issuer">, params: URLSearchParams) =>
    finish(params).pipe(
      Effect.tap((tokens) =>
        exclusively((stored) => put(stored, issuer, tokens, settings.client_id === undefined))
      ),
      Effect.tapError((error) => Effect.logWarning(`upstream ${server}: the sign-in failed`, error.detail)),
      Effect.andThen(Effect.logInfo(`upstream ${server}: signed in`)),
      Effect.andThen(Effect.forkIn(onSignedIn, scope))
    )

  const begin = Effect.fnUntraced(function* (wanted: string | undefined) {
    const own = yield* Scope.fork(scope)
    const signIn = yield* signIns
      .begin({
        ...owner,
        scope: wanted,
        timeout: options.signInTimeout,
        redirectUri: settings.redirect_uri,
        prepare: (place, state) =>
          Effect.gen(function* () {
            const known = (yield* loaded).issuers
            const flow = yield* requests.begin({ challenge, known, place, scope: wanted, state })
            return {
              url: flow.url,
              expired: exclusively((stored) => {
                const { [flow.issuer]: at, ...others } = stored.issuers
                return save({
                  ...stored,
                  issuers: { ...others, ...(at?.tokens && { [flow.issuer]: { tokens: at.tokens } }) }
                })
              }),
              flow: flow.saved,
              finish: (params) => finished(flow, params)
            }
          })
      })
      .pipe(
        Effect.provideService(Scope.Scope, own),
        Effect.onError(() => Scope.close(own, Exit.void))
      )
    waiting = { signIn, scope: own }
    yield* Effect.exit(signIn.done).pipe(
      Effect.andThen(
        Effect.suspend(() => {
          if (waiting?.signIn === signIn) waiting = undefined
          return Scope.close(own, Exit.void)
        })
      ),
      Effect.forkIn(scope)
    )
    return signIn
  })

  let isBeginning = false
  /** Finishes a sign-in whose response was kept. */
  let resuming: Fiber.Fiber<void> | undefined
  const account: Account = {
    authProvider: {
      token: () => run(resuming === undefined ? token : Effect.andThen(Fiber.await(resuming), token)),
      onUnauthorized: ({ response }) => run(unauthorized(response))
    },
    observed: (fetch) => async (url, init) => {
      const response = await fetch(url, init)
      const sent = response.status === 401 ? new Headers(init?.headers).get("authorization") : null
      if (sent !== null) used.set(response, sent)
      return response
    },
    signIn: (needed) =>
      signInTurn.withPermit(
        Effect.gen(function* () {
          isBeginning = true
          const granted = tokensOf(yield* loaded)?.scope
          const configured = settings.scopes?.join(" ")
          const wanted =
            needed === undefined ? (configured ?? challenge.scope) : union(granted ?? configured, needed)
          if (waiting !== undefined && waiting.signIn.scope === wanted) return waiting.signIn
          if (waiting !== undefined) {
            yield* waiting.signIn.forget
            yield* Scope.close(waiting.scope, Exit.void)
          }
          return yield* begin(wanted)
        }).pipe(Effect.ensuring(Effect.sync(() => (isBeginning = false))))
      ),
    isWaiting: () => isBeginning || waiting !== undefined,
    forget: Effect.suspend(() => {
      cached = undefined
      return Effect.andThen(waiting?.signIn.forget ?? Effect.void, file.remove)
    })
  }

  /** Signed in by another process, such as `manifold upstream login`. */
  const followed = Effect.gen(function* () {
    const before = cached && tokensOf(cached)?.access_token
    const after = tokensOf(remember(yield* file.load))?.access_token
    if (after === undefined || after === before) return
    yield* waiting?.signIn.complete ?? Effect.void
    yield* onSignedIn
  })
  yield* Effect.forkScoped(file.watch(followed))
  if (!machine) {
    const resume: Resume = (text, params) =>
      requests.resume(text).pipe(
        Effect.flatMap((flow) => finished(flow, params)),
        Effect.andThen(Effect.suspend(() => waiting?.signIn.complete ?? Effect.void))
      )
    const fiber = yield* Effect.forkScoped(signIns.resumes(owner, resume), { startImmediately: true })
    resuming = fiber
    fiber.addObserver(() => (resuming = undefined))
  }
  return account
})
