/** Registry of the verifiers of bearer tokens, and the cache of their verdicts. */
import { Clock, Context, Deferred, Effect, Exit, Layer, type Scope, Semaphore } from "effect"
import { BoundedCache } from "../cache/BoundedCache.ts"
import {
  type Credentials,
  type CredentialVerifier,
  type ProofVerdict,
  type ProofVerifier,
  type TicketVerifier,
  type Verdict,
  VerifierUnavailable
} from "./CredentialVerifier.ts"
import { sameGrant, type Grant } from "./Grant.ts"
import { monotonicMillis } from "../platform/monotonic.ts"

/** Milliseconds for which a verdict is cached: another instance sees a revocation within this time. */
const cacheTime = 500
const maxCached = 10_000
/** Milliseconds for which a valid token keeps its precedence over unknown ones from the same address. */
const precedenceTime = 600_000
/** Tokens that are looked up at once, and those that wait for it; beyond that 503. */
const lookupLimits = { slots: 32, waiting: 1000 }
/** The same for tokens from addresses with many failed ones, so that a flood of them does not delay other callers. */
const suspectLimits = { slots: 2, waiting: 32 }
/** A store that has not answered after this time counts as unreachable. */
const lookupTimeout = "3 seconds"

const unavailable = (message: string) => new VerifierUnavailable({ message, retryAfter: 1000 })
const tooManyLookups = Effect.fail(unavailable("Too many tokens are being verified. Retry later."))
const timedOut = Effect.fail(unavailable("The token could not be verified in time. Retry later."))

const noProofs = Effect.succeed<ProofVerdict>({
  error: "invalid_dpop_proof",
  message: "This service verifies no DPoP proofs."
})

const bounded = <A>(self: Effect.Effect<A, VerifierUnavailable>) =>
  Effect.timeoutOrElse(self, { duration: lookupTimeout, orElse: () => timedOut })

const verdictAt = (verdict: Verdict, now: number): Verdict =>
  typeof verdict === "object" && verdict.expiresAt <= now ? "expired" : verdict

export class CredentialVerifiers extends Context.Service<
  CredentialVerifiers,
  {
    /** Consults the verifier while the scope is open. */
    readonly add: (verifier: CredentialVerifier) => Effect.Effect<void, never, Scope.Scope>
    /** Redeems tickets with the verifier while the scope is open. */
    readonly addTickets: (verifier: TicketVerifier) => Effect.Effect<void, never, Scope.Scope>
    /** Verifies proofs with the verifier while the scope is open. */
    readonly addProofs: (verifier: ProofVerifier) => Effect.Effect<void, never, Scope.Scope>
    /** Whether the request proves that its sender has the key of the token. Without a verifier it never does. */
    readonly prove: ProofVerifier["prove"]
    /** The verdict about a ticket, which is valid once. */
    readonly redeem: TicketVerifier["redeem"]
    /** The cached verdict about a token; `hash` is its keyed hash. */
    readonly cached: (hash: string, credentials: Credentials) => { readonly verdict: Verdict } | undefined
    /**
     * The verdict about a token without a cached one; `undefined` if no verifier recognizes it. `isSuspect`: many tokens from
     * the same address were invalid.
     */
    readonly verify: (
      token: string,
      hash: string,
      credentials: Credentials,
      isSuspect: boolean
    ) => Effect.Effect<Verdict, VerifierUnavailable> | undefined
    /**
     * The current grant of each given one; `undefined`: revoked or removed. While a verifier cannot reach its store, its
     * grants stay as they are.
     */
    readonly current: (grants: ReadonlyArray<Grant>) => Effect.Effect<ReadonlyArray<Grant | undefined>>
    /** The current grant of a credential or its reference; `undefined`: revoked, removed or unknown. */
    readonly find: (credential: string) => Effect.Effect<Grant | undefined, VerifierUnavailable>
    /** Whether a caller can authenticate with one of the verifiers. */
    readonly usable: Effect.Effect<boolean, VerifierUnavailable>
    /** Removes the cached verdicts of a credential after its revocation. */
    readonly forget: (credential: string) => Effect.Effect<void>
    /** Removes all cached verdicts of a verifier. */
    readonly forgetAll: (verifier: string) => Effect.Effect<void>
  }
>()("manifold/identity/CredentialVerifiers") {
  static readonly layer = Layer.effect(
    CredentialVerifiers,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const scope = yield* Effect.scope
      const run = Effect.runForkWith(yield* Effect.context<never>())
      const laneOf = ({ slots, waiting }: typeof lookupLimits) => ({
        slots: Semaphore.makeUnsafe(slots),
        max: slots + waiting,
        running: 0
      })
      const lanes = { usual: laneOf(lookupLimits), suspect: laneOf(suspectLimits) }
      const verifiers = new Set<CredentialVerifier>()
      let tickets: TicketVerifier | undefined
      let proofs: ProofVerifier | undefined
      const cache = new BoundedCache<Verdict>({ maxEntries: maxCached, maxSize: Infinity })
      /** Tokens that were valid, by hash. */
      const knownTokens = new BoundedCache<true>({ maxEntries: maxCached, maxSize: Infinity })
      const lookups = new Map<string, Deferred.Deferred<Verdict, VerifierUnavailable>>()
      const failing = new Set<CredentialVerifier>()

      /** One lookup for all requests that present the token meanwhile; it goes on when one of them is interrupted. */
      const lookup = (
        key: string,
        verified: Effect.Effect<Verdict, VerifierUnavailable>,
        lane: typeof lanes.usual
      ): Effect.Effect<Verdict, VerifierUnavailable> => {
        const running = lookups.get(key)
        if (running !== undefined) return Deferred.await(running)
        if (lane.running >= lane.max) return tooManyLookups
        lane.running++
        const result = Deferred.makeUnsafe<Verdict, VerifierUnavailable>()
        lookups.set(key, result)
        const looked = lane.slots.withPermit(
          Effect.suspend(() => {
            const until = monotonicMillis(clock) + cacheTime
            return Effect.tap(verified, (verdict) => Effect.sync(() => cache.put(key, verdict, 0, until)))
          })
        )
        const settled = Effect.onExit(bounded(looked), (exit) => {
          lookups.delete(key)
          lane.running--
          return Deferred.done(result, exit)
        })
        run(Effect.forkIn(Effect.exit(settled), scope))
        return Deferred.await(result)
      }

      const forget = (credential: string) =>
        cache.drop((verdict) => typeof verdict === "object" && verdict.credential === credential)

      const keyOf = (hash: string, { resource }: Credentials) => `${hash} ${resource}`

      const verify = (token: string, hash: string, credentials: Credentials, isSuspect: boolean) => {
        for (const verifier of verifiers) {
          if (!verifier.recognizes(token)) continue
          const isKnown = knownTokens.get(hash, monotonicMillis(clock)) !== undefined
          const verified = lookup(
            keyOf(hash, credentials),
            Effect.tap(
              Effect.suspend(() => verifier.verify(token, credentials)),
              (verdict) =>
                Effect.sync(() => {
                  if (typeof verdict !== "object") return
                  knownTokens.put(hash, true, 0, monotonicMillis(clock) + precedenceTime)
                })
            ),
            isSuspect && !isKnown ? lanes.suspect : lanes.usual
          )
          return Effect.map(verified, (verdict) => verdictAt(verdict, clock.currentTimeMillisUnsafe()))
        }
        return undefined
      }

      /** Logs the first failure and the recovery. */
      const observed =
        (verifier: CredentialVerifier) =>
        <A>(exit: Exit.Exit<A, VerifierUnavailable>) => {
          if (Exit.isSuccess(exit)) {
            return failing.delete(verifier)
              ? Effect.logInfo("open connections are checked again").pipe(
                  Effect.annotateLogs({ verifier: verifier.name })
                )
              : Effect.void
          }
          if (failing.has(verifier)) return Effect.void
          failing.add(verifier)
          return Effect.logWarning(
            "could not check the tokens of open connections; they stay open",
            exit.cause
          ).pipe(Effect.annotateLogs({ verifier: verifier.name }))
        }

      const current = Effect.fnUntraced(function* (grants: ReadonlyArray<Grant>) {
        const found = new Map<Grant, Grant | undefined>()
        const check = Effect.fnUntraced(function* (verifier: CredentialVerifier) {
          const own = grants.filter(({ credential }) => credential.startsWith(`${verifier.name}:`))
          if (own.length === 0) return
          const now = yield* bounded(verifier.current(own.map(({ credential }) => credential))).pipe(
            Effect.onExit(observed(verifier)),
            Effect.orElseSucceed((): ReadonlyArray<Grant | undefined> => own)
          )
          for (const [index, grant] of own.entries()) {
            const each = now[index]
            found.set(grant, each !== undefined && sameGrant(each, grant) ? grant : each)
            if (each === undefined) forget(grant.credential)
          }
        })
        yield* Effect.forEach(verifiers, check, { concurrency: "unbounded", discard: true })
        return grants.map((grant) => found.get(grant))
      })

      return CredentialVerifiers.of({
        add: (verifier) =>
          Effect.acquireRelease(
            Effect.sync(() => void verifiers.add(verifier)),
            () =>
              Effect.sync(() => {
                verifiers.delete(verifier)
                failing.delete(verifier)
                cache.drop()
              })
          ),
        addTickets: (verifier) =>
          Effect.acquireRelease(
            Effect.sync(() => void (tickets = verifier)),
            () => Effect.sync(() => void (tickets = undefined))
          ),
        addProofs: (verifier) =>
          Effect.acquireRelease(
            Effect.sync(() => void (proofs = verifier)),
            () => Effect.sync(() => void (proofs = undefined))
          ),
        prove: (token, thumbprint, credentials) => proofs?.prove(token, thumbprint, credentials) ?? noProofs,
        redeem: (ticket, path) => tickets?.redeem(ticket, path) ?? Effect.undefined,
        cached: (hash, credentials) => {
          const found = cache.get(keyOf(hash, credentials), monotonicMillis(clock))
          return found && { verdict: verdictAt(found.value, clock.currentTimeMillisUnsafe()) }
        },
        verify,
        current,
        find: (credential) => {
          for (const verifier of verifiers) {
            if (!credential.startsWith(`${verifier.name}:`)) continue
            return Effect.map(bounded(verifier.current([credential])), ([grant]) => grant)
          }
          return Effect.undefined
        },
        usable: Effect.suspend(() =>
          Effect.reduce(
            verifiers,
            () => false,
            (found, { usable }) => (found ? Effect.succeed(true) : usable)
          )
        ),
        forget: (credential) => Effect.sync(() => forget(credential)),
        forgetAll: (verifier) =>
          Effect.sync(() =>
            cache.drop(
              (verdict) => typeof verdict === "object" && verdict.credential.startsWith(`${verifier}:`)
            )
          )
      })
    })
  )
}
