/** Sign-ins that wait for a user: bounded, each with a state that is used once, finished at the callback of this program. */
import { Cause, Clock, Context, Deferred, Duration, Effect, Exit, Layer, Option, RcRef, Scope } from "effect"
import * as Encoding from "effect/encoding/Base64Url"
import { Ids } from "../../platform/Ids.ts"
import { Quotas } from "../../quotas/Quotas.ts"
import { UpstreamError } from "../UpstreamError.ts"
import { callbackPath, callbackRoute, type Finished } from "./callbackRoute.ts"
import type { CredentialOwner } from "./Credentials.ts"
import { loopbackCallback } from "./loopbackCallback.ts"
import * as savedSignIns from "./SavedSignIns.ts"

/** Where authorization servers send users back. */
export interface CallbackPlace {
  readonly redirectUrl: string
  /** URL of the client id metadata document that names the redirect URL. */
  readonly clientMetadataUrl?: string | undefined
}

export interface SignIn {
  /** The page of the authorization server, to open in a browser. */
  readonly url: string
  /** Scopes that it requests; `undefined`: those that the server names. */
  readonly scope: string | undefined
  /** Completes when the user has signed in; fails when that failed or took too long. */
  readonly done: Effect.Effect<void, UpstreamError>
  /** The user has signed in otherwise, for example in another process. */
  readonly complete: Effect.Effect<void>
  /** Its page is no longer accepted, also after a restart. */
  readonly forget: Effect.Effect<void>
}

export interface Prepared {
  readonly url: string
  /** Exchanges the response of the authorization server for tokens. */
  readonly finish: (params: URLSearchParams) => Effect.Effect<void, UpstreamError>
  /** Text from which the account can finish after a restart. */
  readonly flow: string
  /** The user did not come back in time. */
  readonly expired: Effect.Effect<void>
}

export interface SignInOptions extends CredentialOwner {
  readonly scope: string | undefined
  readonly timeout: Duration.Duration
  /** A redirect URI that was registered elsewhere. */
  readonly redirectUri: string | undefined
  readonly prepare: (place: CallbackPlace, state: string) => Effect.Effect<Prepared, UpstreamError>
}

/** Finishes a sign-in that began before a restart. `flow`: the text of `Prepared`. */
export type Resume = (flow: string, params: URLSearchParams) => Effect.Effect<void, UpstreamError>

interface Pending {
  readonly server: string
  readonly prepared: Prepared
  readonly done: Deferred.Deferred<void, UpstreamError>
}

const stateBytes = 32

const keyOf = ({ principal, server, url }: CredentialOwner) => JSON.stringify([server, url, principal])

const failure = (server: string, detail: string) =>
  new UpstreamError({ server, stage: "authenticate", detail, unsent: true, signIn: {} })

export class SignIns extends Context.Service<
  SignIns,
  {
    /** Begins a sign-in that ends with the scope, with its time-out, or when the user comes back. */
    readonly begin: (options: SignInOptions) => Effect.Effect<SignIn, UpstreamError, Scope.Scope>
    /** The parameters of a request to the callback. A state is accepted once. */
    readonly finish: (params: URLSearchParams) => Effect.Effect<Finished>
    /**
     * Uses the callback of the HTTP service while the scope is open, instead of a listener while a sign-in waits.
     * `unreachable`: no browser can reach it, so that no sign-in can begin.
     */
    readonly serveAt: (place: CallbackPlace | "unreachable") => Effect.Effect<void, never, Scope.Scope>
    /** Waits until the HTTP service has a callback. */
    readonly served: Effect.Effect<void>
    /** The account finishes its sign-ins that began before a restart, while the scope is open. */
    readonly resumes: (owner: CredentialOwner, resume: Resume) => Effect.Effect<void, never, Scope.Scope>
    /** Number of sign-ins that wait. */
    readonly waiting: () => number
  }
>()("manifold/upstream/SignIns") {
  static readonly layer = Layer.effect(
    SignIns,
    Effect.gen(function* () {
      const ids = yield* Ids
      const { sign_ins: quota } = yield* Quotas
      const pending = new Map<string, Pending>()
      const saved = yield* savedSignIns.make
      const accounts = new Map<string, Resume>()
      let served: CallbackPlace | "unreachable" | undefined
      const isServed = yield* Deferred.make<void>()
      // Requests to the callback run outside of this layer.
      const services = yield* Effect.context<never>()

      /** Without the account in use, the response is kept until the next request that uses it. */
      const resume = Effect.fnUntraced(function* (stored: savedSignIns.SavedSignIn, params: URLSearchParams) {
        const { flow, server } = stored
        const account = accounts.get(keyOf(stored))
        if (account === undefined) {
          yield* saved.answer(params.get("state") ?? "", stored, params)
          return { ok: true, server, later: true }
        }
        const exit = yield* Effect.exit(account(flow, params))
        return { ok: Exit.isSuccess(exit), server }
      })

      const finish = Effect.fn("SignIns.finish")(function* (
        params: URLSearchParams
      ): Effect.fn.Return<Finished> {
        const state = params.get("state") ?? ""
        const found = pending.get(state)
        const stored = yield* saved.take(state)
        if (found === undefined) return stored === undefined ? { ok: false } : yield* resume(stored, params)
        pending.delete(state)
        const exit = yield* Effect.exit(found.prepared.finish(params))
        Deferred.doneUnsafe(found.done, exit)
        return { ok: Exit.isSuccess(exit), server: found.server }
      }, Effect.provideContext(services))

      const listeners = new Map<number, RcRef.RcRef<CallbackPlace, UpstreamError>>()
      const scope = yield* Effect.scope
      /** A listener on a loopback address (RFC 8252, section 7.3), open while a sign-in waits. */
      const loopback = Effect.fnUntraced(function* (server: string, port: number) {
        const known = listeners.get(port)
        if (known !== undefined) return yield* RcRef.get(known)
        const made = yield* RcRef.make({
          acquire: loopbackCallback(port, callbackRoute(finish)).pipe(
            Effect.map((url): CallbackPlace => ({ redirectUrl: new URL(callbackPath, url).href })),
            Effect.mapError((error) => failure(server, error.message)),
            Effect.provideService(Ids, ids)
          )
        }).pipe(Effect.provideService(Scope.Scope, scope))
        listeners.set(port, made)
        return yield* RcRef.get(made)
      })

      const placeOf = Effect.fnUntraced(function* (server: string, redirectUri: string | undefined) {
        if (redirectUri !== undefined) {
          const { hostname, pathname, port, protocol } = new URL(redirectUri)
          const local = protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(hostname)
          if (served === undefined && local && pathname === callbackPath)
            yield* loopback(server, Number(port || "80"))
          return { redirectUrl: redirectUri }
        }
        if (served === "unreachable") {
          const detail = "the browser of the user cannot come back to this service: set server.public_url"
          return yield* failure(server, detail)
        }
        return served ?? (yield* loopback(server, 0))
      })

      const begin = Effect.fn("SignIns.begin")(function* (options: SignInOptions) {
        const { principal, redirectUri, server, timeout } = options
        const began = yield* Deferred.make<Prepared, UpstreamError>()
        const done = yield* Deferred.make<void, UpstreamError>()
        const owner = principal === "" ? `upstream ${server}` : principal
        const state = Encoding.encode(yield* ids.secret(stateBytes))
        const wait = Effect.gen(function* () {
          yield* Effect.acquireRelease(
            Effect.suspend(() =>
              quota.take(owner, 1)
                ? Effect.void
                : Effect.fail(
                    failure(server, "too many sign-ins wait (quotas.sign_ins): finish one, or retry later")
                  )
            ),
            () => Effect.sync(() => quota.release(owner, 1))
          )
          const place = yield* placeOf(server, redirectUri)
          const prepared = yield* options.prepare(place, state)
          // The port of a listener for one sign-in is another one after a restart.
          if (served !== undefined && served !== "unreachable") {
            const expires = (yield* Clock.currentTimeMillis) + Duration.toMillis(timeout)
            const { flow } = prepared
            yield* saved.save(state, { server, url: options.url, principal, flow, expires })
          }
          yield* Effect.acquireRelease(
            Effect.sync(() => pending.set(state, { server, prepared, done })),
            () => Effect.sync(() => pending.delete(state))
          )
          yield* Deferred.succeed(began, prepared)
          yield* Effect.exit(Deferred.await(done)).pipe(
            Effect.timeoutOrElse({
              duration: timeout,
              orElse: () =>
                prepared.expired.pipe(
                  Effect.andThen(saved.take(state)),
                  Effect.andThen(
                    Effect.fail(
                      failure(server, `the sign-in was not finished within ${Duration.toSeconds(timeout)} s`)
                    )
                  )
                )
            })
          )
        }).pipe(
          Effect.scoped,
          Effect.onExit((exit) =>
            Exit.isSuccess(exit)
              ? Effect.void
              : Effect.andThen(
                  Deferred.failCause(began, exit.cause),
                  Deferred.fail(
                    done,
                    Option.getOrElse(Cause.findErrorOption(exit.cause), () =>
                      failure(server, "the sign-in was cancelled")
                    )
                  )
                )
          )
        )
        yield* Effect.forkScoped(Effect.ignore(wait))
        const { url } = yield* Deferred.await(began)
        const forget = Effect.asVoid(saved.take(state))
        return {
          url,
          scope: options.scope,
          done: Deferred.await(done),
          complete: Effect.andThen(forget, Deferred.succeed(done, undefined)),
          forget
        }
      })

      return SignIns.of({
        begin,
        finish,
        serveAt: (place) =>
          Effect.asVoid(
            Effect.acquireRelease(
              Effect.sync(() => {
                served = place
                if (place !== "unreachable") Deferred.doneUnsafe(isServed, Exit.void)
              }),
              () =>
                Effect.sync(() => {
                  if (served === place) served = undefined
                })
            )
          ),
        served: Deferred.await(isServed),
        resumes: Effect.fnUntraced(function* (owner, account) {
          const key = keyOf(owner)
          yield* Effect.acquireRelease(
            Effect.sync(() => accounts.set(key, account)),
            () =>
              Effect.sync(() => {
                if (accounts.get(key) === account) accounts.delete(key)
              })
          )
          for (const { flow, response } of yield* saved.answered(owner)) {
            yield* Effect.ignore(account(flow, new URLSearchParams(response)))
          }
        }),
        waiting: () => pending.size
      })
    })
  )
}
