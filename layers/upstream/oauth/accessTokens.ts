/** Access tokens of one account at an upstream server: stored by issuer, used while they are valid, and renewed. */
import { Clock, Effect, Semaphore } from "effect"
import { UpstreamError } from "../UpstreamError.ts"
import type { AuthorizationRequests, Challenge } from "./authorizationRequests.ts"
import { Credentials, type CredentialOwner, type Stored, type StoredTokens } from "./Credentials.ts"

export interface AccessTokensOptions {
  readonly owner: CredentialOwner
  /** Whether the program itself has the account (`client_credentials`). */
  readonly machine: boolean
  /** Whether the user chose OAuth; else only a server with metadata of an authorization server is signed in to. */
  readonly chosen: boolean
  readonly requests: AuthorizationRequests
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

export const tokensOf = ({ current, issuers }: Stored): StoredTokens | undefined =>
  current === undefined ? undefined : issuers[current]?.tokens

/** Without the tokens in use, and optionally without the registration that they were issued to. */
const without = (stored: Stored, what: "tokens" | "client"): Stored => {
  const { current, issuers } = stored
  if (current === undefined) return stored
  const { client } = issuers[current] ?? {}
  return { ...stored, issuers: { ...issuers, [current]: what === "tokens" && client ? { client } : {} } }
}

const none = { access_token: undefined }

const noCredential =
  "the server requires a credential (HTTP 401) and offers no sign-in: add the header that it requires, such as " +
  "Authorization, to `headers` of its entry in mcpServers"

const validityOf = ({ expires_at = Infinity, renew_at = expires_at }: StoredTokens) => ({
  expires_at,
  renew_at
})

export const accessTokens = Effect.fnUntraced(function* (options: AccessTokensOptions) {
  const { chosen, machine, owner, requests } = options
  const { server } = owner
  const file = (yield* Credentials).of(owner)
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()

  /** The credentials as this process saw them last. */
  let cached: Stored | undefined
  let challenge: Challenge = { metadataUrl: undefined, scope: undefined }
  const remember = (stored: Stored) => {
    cached = stored
    return stored
  }
  const load = Effect.map(file.load, remember)
  const loaded = Effect.suspend(() => (cached === undefined ? load : Effect.succeed(cached)))
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
    turn.withPermit(file.locked(Effect.flatMap(load, effect)))

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

  /** What a request is sent with now; `undefined`: a token must be loaded or renewed before. */
  const usable = () => {
    if (cached === undefined) return undefined
    const tokens = tokensOf(cached)
    if (tokens === undefined) return machine ? undefined : none
    const renewable = machine || tokens.refresh_token !== undefined
    return !renewable || now() < validityOf(tokens).renew_at ? tokens : undefined
  }

  const token = Effect.gen(function* () {
    const tokens = tokensOf(yield* loaded)
    const found = usable()
    if (found !== undefined) return found.access_token
    if (tokens === undefined) return yield* renew(undefined)
    const { access_token } = tokens
    return yield* renew(access_token).pipe(
      Effect.catchIf(
        () => now() < validityOf(tokens).expires_at,
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
      detail: offered ? "sign-in required" : noCredential,
      unsent: true,
      ...(offered ? { signIn: {} } : { permanent: true })
    })
  })

  return {
    load,
    loaded,
    save,
    put,
    exclusively,
    usable,
    token,
    /** Of the last rejected request. */
    challenge: () => challenge,
    /** Renews the token that a response rejected; fails if a user must sign in. `sent`: the header of its request. */
    rejected: Effect.fnUntraced(function* (response: Response, sent: string | undefined) {
      challenge = yield* Effect.promise(() => requests.challengeOf(response))
      const tokens = tokensOf(yield* loaded)
      if (tokens !== undefined && sent !== undefined && sent !== `Bearer ${tokens.access_token}`) return
      if ((yield* renew(tokens?.access_token)) === undefined) return yield* denied
    }),
    /** Forgets all tokens and registrations. */
    forget: Effect.suspend(() => {
      cached = undefined
      return file.remove
    }),
    /** Runs `signedIn` when another process, such as `manifold upstream login`, has stored a token. Never completes. */
    watch: (signedIn: Effect.Effect<void>) =>
      file.watch(
        Effect.gen(function* () {
          const before = cached && tokensOf(cached)?.access_token
          const after = tokensOf(yield* load)?.access_token
          if (after !== undefined && after !== before) yield* signedIn
        })
      )
  }
})
