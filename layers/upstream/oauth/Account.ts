/** The account of one principal at an upstream server: access tokens, their renewal, and sign-in when there are none. */
import type { AuthProvider, FetchLike } from "@modelcontextprotocol/client"
import { type Duration, Effect, Exit, Fiber, Scope, Semaphore } from "effect"
import type { AuditEntry } from "../../audit/AuditEntry.ts"
import { UpstreamError } from "../UpstreamError.ts"
import { authorizationRequests, type AuthorizationRequests, type Begun } from "./authorizationRequests.ts"
import { accessTokens, tokensOf } from "./accessTokens.ts"
import type { CredentialOwner } from "./Credentials.ts"
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
  /** Records how a sign-in ended for the audit log. Absent: the caller does. */
  readonly record?: ((entry: Pick<AuditEntry, "details" | "outcome">) => void) | undefined
}

export interface Account {
  /** The access token for a request; a promise only if it must be loaded or renewed. */
  readonly accessToken: () => string | undefined | Promise<string | undefined>
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

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): AuditEntry["outcome"] =>
  Exit.isSuccess(exit) ? "succeeded" : Exit.hasInterrupts(exit) ? "interrupted" : "failed"

export const makeAccount = Effect.fnUntraced(function* (options: AccountOptions) {
  const { chosen, onSignedIn, owner, record, settings } = options
  const { server } = owner
  const signIns = yield* SignIns
  const scope = yield* Effect.scope
  const run = Effect.runPromiseWith(yield* Effect.context<never>())
  const machine = settings.grant === "client_credentials"
  const requests: AuthorizationRequests = yield* Effect.promise(() => authorizationRequests(options))
  const tokens = yield* accessTokens({ owner, machine, chosen, requests })
  const { exclusively, loaded, put, save } = tokens

  let waiting: { readonly signIn: SignIn; readonly scope: Scope.Closeable } | undefined
  const signInTurn = Semaphore.makeUnsafe(1)

  /** Stores the tokens of a response of the authorization server. */
  const finished = ({ finish, issuer }: Pick<Begun, "finish" | "issuer">, params: URLSearchParams) =>
    finish(params).pipe(
      Effect.tap((made) =>
        exclusively((stored) => put(stored, issuer, made, settings.client_id === undefined))
      ),
      Effect.tapError((error) => Effect.logWarning(`upstream ${server}: the sign-in failed`, error.detail)),
      Effect.onExit((exit) => Effect.sync(() => record?.({ outcome: outcomeOf(exit), details: { issuer } }))),
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
            const flow = yield* requests.begin({
              challenge: tokens.challenge(),
              known,
              place,
              scope: wanted,
              state
            })
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
  const sent = new WeakMap<Response, string>()
  const accessToken = () => {
    const usable = resuming === undefined ? tokens.usable() : undefined
    if (usable !== undefined) return usable.access_token
    return run(resuming === undefined ? tokens.token : Effect.andThen(Fiber.await(resuming), tokens.token))
  }
  const account: Account = {
    accessToken,
    authProvider: {
      token: async () => accessToken(),
      onUnauthorized: ({ response }) => run(tokens.rejected(response, sent.get(response)))
    },
    observed: (fetch) => async (url, init) => {
      const response = await fetch(url, init)
      const header = response.status === 401 ? new Headers(init?.headers).get("authorization") : null
      if (header !== null) sent.set(response, header)
      return response
    },
    signIn: (needed) =>
      signInTurn.withPermit(
        Effect.gen(function* () {
          isBeginning = true
          const granted = tokensOf(yield* loaded)?.scope
          const configured = settings.scopes?.join(" ")
          const wanted =
            needed === undefined
              ? (configured ?? tokens.challenge().scope)
              : union(granted ?? configured, needed)
          if (waiting !== undefined && waiting.signIn.scope === wanted) return waiting.signIn
          if (waiting !== undefined) {
            yield* waiting.signIn.forget
            yield* Scope.close(waiting.scope, Exit.void)
          }
          return yield* begin(wanted)
        }).pipe(Effect.ensuring(Effect.sync(() => (isBeginning = false))))
      ),
    isWaiting: () => isBeginning || waiting !== undefined,
    forget: Effect.suspend(() => Effect.andThen(waiting?.signIn.forget ?? Effect.void, tokens.forget))
  }

  // Signed in by another process.
  const signedIn = Effect.suspend(() => Effect.andThen(waiting?.signIn.complete ?? Effect.void, onSignedIn))
  yield* Effect.forkScoped(tokens.watch(signedIn))
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
