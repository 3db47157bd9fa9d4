/** API tokens in the database: created, listed and revoked at run time, and verified for the Authenticator. */
import { Context, Effect, Layer, type Redacted, Scope, Semaphore } from "effect"
import type { Audit } from "../audit/Audit.ts"
import type { ConfigSource } from "../config/ConfigSource.ts"
import type { Ids } from "../platform/Ids.ts"
import type { Sql } from "../storage/Sql.ts"
import type { Storage } from "../storage/Storage.ts"
import { CredentialVerifiers } from "./CredentialVerifiers.ts"
import type { NewToken, StoredToken, TokenError, TokensUnavailable } from "./tokens/StoredToken.ts"
import type { Administrator } from "./tokens/administerTokens.ts"
import type { TokenOperations } from "./tokens/tokenOperations.ts"
import { parse } from "./tokens/tokenText.ts"

/** As credentials of grants begin, before the colon. */
const kind = "stored-token"

export interface CreatedToken {
  /** Shown once: only its keyed hash is stored. */
  readonly token: Redacted.Redacted
  readonly about: StoredToken
}

export class StoredTokens extends Context.Service<
  StoredTokens,
  {
    /** Fails with `taken`, `too_many`, `expired`, or `forbidden` for scopes beyond those of the administrator. */
    readonly create: (
      request: NewToken,
      by: Administrator
    ) => Effect.Effect<CreatedToken, TokenError | TokensUnavailable>
    /** A page of at most `limit` stored tokens, the newest first. The first page also has those of the configuration. */
    readonly list: (page: {
      readonly cursor?: string | undefined
      readonly limit: number
    }) => Effect.Effect<
      { readonly tokens: ReadonlyArray<StoredToken>; readonly next: string | undefined },
      TokenError | TokensUnavailable
    >
    /** Revokes the active token with the id or the name. Its sessions, streams and sockets end within a second. */
    readonly revoke: (
      idOrName: string,
      by: Administrator
    ) => Effect.Effect<StoredToken, TokenError | TokensUnavailable>
    /** Number of active tokens that this instance rejects, because they were created with another pepper. */
    readonly foreign: Effect.Effect<number, TokenError | TokensUnavailable>
  }
>()("manifold/identity/StoredTokens") {
  /** Opens the database at the first use, or with the first token that has the form of a stored one. */
  static readonly layer = Layer.effect(
    StoredTokens,
    Effect.gen(function* () {
      const verifiers = yield* CredentialVerifiers
      const scope = yield* Effect.scope
      const services = yield* Effect.context<Audit | ConfigSource | Ids | Sql | Storage>()
      const loading = yield* Semaphore.make(1)
      let loaded: TokenOperations | undefined
      const load = Effect.flatMap(
        Effect.promise(() => import("./tokens/tokenOperations.ts")),
        ({ makeTokenOperations }) => Effect.orDie(makeTokenOperations)
      ).pipe(Effect.provideContext(services), Scope.provide(scope))
      const operations = loading.withPermit(
        Effect.suspend(() =>
          loaded === undefined
            ? Effect.tap(load, (made) => Effect.sync(() => (loaded = made)))
            : Effect.succeed(loaded)
        )
      )
      const use = <A, E, R>(run: (made: TokenOperations) => Effect.Effect<A, E, R>) =>
        Effect.provideContext(
          Effect.suspend(() => (loaded === undefined ? Effect.flatMap(operations, run) : run(loaded))),
          services
        )

      yield* verifiers.add({
        name: kind,
        recognizes: (token) => parse(token) !== undefined,
        verify: (token) => {
          const parts = parse(token)
          return parts === undefined ? Effect.undefined : use(({ verify }) => verify(parts))
        },
        current: (credentials) => use(({ current }) => current(credentials)),
        usable: use(({ usable }) => usable)
      })

      return StoredTokens.of({
        foreign: use(({ foreign }) => foreign),
        create: (request, by) => use(({ create }) => create(request, by)),
        list: (page) => use(({ list }) => list(page)),
        revoke: (idOrName, by) =>
          Effect.tap(
            use(({ revoke }) => revoke(idOrName, by)),
            ({ id }) => verifiers.forget(`${kind}:${id}`)
          )
      })
    })
  )
}
