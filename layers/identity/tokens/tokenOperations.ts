/** Operations on stored API tokens; loaded with the first token. */
import { Clock, DateTime, Effect, Redacted } from "effect"
import { Audit } from "../../audit/Audit.ts"
import { actorOf, operator } from "../../audit/AuditEntry.ts"
import type { Principal } from "../../../src/domain/Principal.ts"
import { covers } from "../../../src/domain/scopes.ts"
import { ConfigSource } from "../../config/ConfigSource.ts"
import { equalInConstantTime } from "../../platform/digest.ts"
import type { DatabaseError } from "../../storage/DatabaseError.ts"
import { Sql } from "../../storage/Sql.ts"
import type { StorageError } from "../../storage/Storage.ts"
import { type Verdict, VerifierUnavailable } from "../CredentialVerifier.ts"
import { section } from "../section.ts"
import { configuredTokens } from "./configuredTokens.ts"
import { makePepper } from "./pepper.ts"
import { isoOf, TokenError, TokensUnavailable, type NewToken } from "./StoredToken.ts"
import * as rows from "./tokenRows.ts"
import { mint, type TokenParts } from "./tokenText.ts"

/** Milliseconds between two recorded uses of a token. */
const useInterval = 60_000

/** Milliseconds after which a client may retry while the database cannot be reached. */
const retryAfter = 5000

/** Compared with the hash of an unknown token, so that its rejection takes as long as that of a known one. */
const noHash = "0".repeat(64)

const bytes = (text: string) => new TextEncoder().encode(text)

/** Who administers tokens: a principal with one of its requests, or the operator at the command line. */
export type Administrator =
  { readonly principal: Principal; readonly requestId?: string | undefined } | "operator"

/** The name and the limits of what an administrator may grant, and how the audit log names it. */
const authorityOf = (by: Administrator) =>
  by === "operator"
    ? { name: "operator", ceiling: undefined, actor: operator, requestId: undefined }
    : {
        name: by.principal.subject,
        ceiling: by.principal.ceiling,
        actor: actorOf(by.principal),
        requestId: by.requestId
      }

const reported = (error: DatabaseError | StorageError) =>
  Effect.as(
    Effect.logWarning(`API tokens are unavailable: ${error.message}`),
    error._tag === "DatabaseError"
      ? error.forCallers
      : "the key of the tokens cannot be read or written, the log says what to do"
  )

/** Callers see no path and no address; the log has them. */
const forAdministrators = <A, R>(
  self: Effect.Effect<A, TokenError | DatabaseError | StorageError, R>
): Effect.Effect<A, TokenError | TokensUnavailable, R> =>
  self.pipe(
    Effect.catchIf(
      (error) => error._tag !== "TokenError",
      (error) =>
        Effect.flatMap(reported(error), (why) =>
          Effect.fail(new TokensUnavailable({ message: `API tokens are unavailable: ${why}.` }))
        )
    )
  )

const forVerification = <A, R>(self: Effect.Effect<A, DatabaseError | StorageError, R>) =>
  self.pipe(
    Effect.catch((error) =>
      Effect.flatMap(reported(error), (why) =>
        Effect.fail(new VerifierUnavailable({ message: `The token cannot be verified: ${why}.`, retryAfter }))
      )
    )
  )

const idOrNameForm = /^[\w.@-]{1,64}$/

/** The target of a refused revocation. It may be the token itself, by mistake. */
const shownTarget = (idOrName: string): string => (idOrNameForm.test(idOrName) ? idOrName : "")

const refused = (reason: TokenError["reason"], message: string) =>
  Effect.fail(new TokenError({ reason, message }))

export const makeTokenOperations = Effect.gen(function* () {
  const sql = yield* Sql
  const config = yield* ConfigSource
  const audit = yield* Audit
  const pepper = yield* makePepper
  let settings = yield* config.read(section)
  yield* config.follow(section, (now) => Effect.sync(() => void (settings = now)))
  const scope = yield* Effect.scope
  const reportedPeppers = new Set<string>()

  const otherPepper = ({ id, pepper: other }: rows.TokenRow) => {
    if (reportedPeppers.has(other)) return Effect.void
    reportedPeppers.add(other)
    return Effect.logWarning(
      `The API token ${id} was created with another pepper and is rejected. Set auth.token_pepper to the same value on all instances, or copy keys/token-pepper to each state folder.`
    )
  }

  /** Off the path of the call. */
  const used = ({ id, last_used_at }: rows.TokenRow, now: number) =>
    last_used_at !== null && now - last_used_at < useInterval
      ? Effect.void
      : sql
          .write((client) => rows.recordUse(client, id, now, now - useInterval))
          .pipe(
            Effect.catch(({ message }) => Effect.logDebug(`The use of a token was not recorded: ${message}`)),
            Effect.forkIn(scope)
          )

  const verify = Effect.fn("StoredTokens.verify")(function* ({ id, secret }: TokenParts) {
    const { hash, id: pepperId } = yield* pepper
    const row = yield* sql.read((client) => rows.findToken(client, id))
    const matches = equalInConstantTime(bytes(hash(secret)), bytes(row?.hash ?? noHash))
    if (row === undefined || row.revoked_at !== null) return undefined
    if (row.pepper !== pepperId) yield* otherPepper(row)
    if (!matches) return undefined
    const now = yield* Clock.currentTimeMillis
    if (row.expires_at !== null && row.expires_at <= now) return "expired" satisfies Verdict
    yield* used(row, now)
    return rows.grantOf(row)
  }, forVerification)

  const current = Effect.fn("StoredTokens.current")(function* (credentials: ReadonlyArray<string>) {
    const ids = credentials.map((credential) => credential.slice(rows.kind.length + 1))
    const found = yield* sql.read((client) => rows.findTokens(client, ids))
    const valid = new Map(
      found.flatMap((row) => (row.revoked_at === null ? [[row.id, rows.grantOf(row)] as const] : []))
    )
    return ids.map((id) => valid.get(id))
  }, forVerification)

  const usable = sql
    .read((client) => Effect.flatMap(Clock.currentTimeMillis, (now) => rows.countActive(client, now)))
    .pipe(
      Effect.map((count) => count > 0),
      forVerification
    )

  /** Records a refused act: what was asked, and why not. */
  const recordRefusal =
    (action: string, by: Administrator, target: string) => (error: TokenError | TokensUnavailable) =>
      Effect.sync(() => {
        if (error._tag === "TokensUnavailable") return
        const { actor, requestId } = authorityOf(by)
        audit.recordSoon({
          actor,
          requestId,
          action,
          target,
          outcome: "refused",
          details: { reason: error.reason }
        })
      })

  const create = Effect.fn("StoredTokens.create")(function* (request: NewToken, by: Administrator) {
    const { max_stored_tokens: most, tokens } = settings
    const { actor, ceiling: granted, name: creator, requestId } = authorityOf(by)
    const { limits = {}, name, scopes = ["read", "call"], subject = name } = request
    const { ceiling = scopes } = request
    const now = yield* Clock.currentTimeMillis
    const expires = request.expires_at === undefined ? null : DateTime.toEpochMillis(request.expires_at)
    if (expires !== null && expires <= now)
      return yield* refused("expired", "expires_at must be in the future.")
    const beyond = granted && ceiling.find((each) => !covers(granted, each))
    if (beyond !== undefined) {
      return yield* refused(
        "forbidden",
        `You cannot grant the scope ${beyond}, which you do not have. Create the token with \`manifold token create\` on the server.`
      )
    }
    if (tokens.some((each) => each.name === name)) {
      return yield* refused(
        "taken",
        `A token of the configuration has the name ${name}. Choose another name.`
      )
    }
    const { hash, id: pepperId } = yield* pepper
    const minted = yield* mint
    const row: rows.TokenRow = {
      id: minted.id,
      hash: hash(minted.secret),
      pepper: pepperId,
      name,
      subject,
      scopes,
      ceiling,
      limits,
      created_at: now,
      created_by: creator,
      expires_at: expires,
      last_used_at: null,
      revoked_at: null,
      revoked_by: null
    }
    const insert = Effect.fnUntraced(function* (client: Parameters<Parameters<typeof sql.write>[0]>[0]) {
      yield* rows.lockTokens(client)
      yield* rows.revokeExpired(client, name, now)
      if (yield* rows.nameIsTaken(client, name)) {
        return yield* refused(
          "taken",
          `An active token has the name ${name}. Revoke it, or choose another name.`
        )
      }
      const isFull = (count: number, max: number) => count >= max
      if (isFull(yield* rows.countActive(client, now), most.total)) {
        return yield* refused(
          "too_many",
          `There are ${most.total} active tokens. Revoke some, or raise auth.max_stored_tokens.total.`
        )
      }
      if (isFull(yield* rows.countActive(client, now, subject), most.subject)) {
        return yield* refused(
          "too_many",
          `${subject} has ${most.subject} active tokens. Revoke some, or raise auth.max_stored_tokens.subject.`
        )
      }
      yield* rows.insertToken(client, row)
      yield* audit.record(client, {
        actor,
        requestId,
        action: "token.create",
        target: row.id,
        outcome: "succeeded",
        details: { name, subject, scopes, ceiling, limits, expires_at: isoOf(expires) }
      })
    })
    yield* sql.write(insert)
    return { token: Redacted.make(minted.text, { label: "API token" }), about: rows.describe(row, now) }
  }, forAdministrators)

  /** Pages from the newest to the oldest; the first one begins with the tokens of the configuration. */
  const list = Effect.fn("StoredTokens.list")(function* ({
    cursor,
    limit
  }: {
    readonly cursor?: string | undefined
    readonly limit: number
  }) {
    const now = yield* Clock.currentTimeMillis
    const found = yield* sql.read((client) =>
      Effect.gen(function* () {
        const last = cursor === undefined ? undefined : yield* rows.findToken(client, cursor)
        if (cursor !== undefined && last === undefined) return undefined
        const after = last && { at: last.created_at, id: last.id }
        return yield* rows.listTokens(client, { after, limit: limit + 1 })
      })
    )
    if (found === undefined) return yield* refused("not_found", "Unknown cursor. List from the first page.")
    const shown = found.slice(0, limit)
    const configured = cursor === undefined ? configuredTokens(settings.tokens, now) : []
    const next = found.length > limit ? shown.at(-1)?.id : undefined
    return { tokens: [...configured, ...shown.map((row) => rows.describe(row, now))], next }
  }, forAdministrators)

  const revoke = Effect.fn("StoredTokens.revoke")(function* (idOrName: string, by: Administrator) {
    const now = yield* Clock.currentTimeMillis
    const { actor, name: revoker, requestId } = authorityOf(by)
    const unknown = refused("not_found", "No active token has this id or name. List the tokens to see them.")
    if (!idOrNameForm.test(idOrName)) return yield* unknown
    const row = yield* sql.write((client) =>
      Effect.gen(function* () {
        const before = yield* rows.findByIdOrName(client, idOrName)
        if (before === undefined || before.revoked_at !== null) return before
        yield* rows.revoke(client, before.id, now, revoker)
        yield* audit.record(client, {
          actor,
          requestId,
          action: "token.revoke",
          target: before.id,
          outcome: "succeeded",
          details: { name: before.name, subject: before.subject }
        })
        return yield* rows.findToken(client, before.id)
      })
    )
    return row === undefined ? yield* unknown : rows.describe(row, now)
  }, forAdministrators)

  const foreign = Effect.gen(function* () {
    const { id } = yield* pepper
    const now = yield* Clock.currentTimeMillis
    return yield* sql.read((client) => rows.countForeign(client, now, id))
  }).pipe(forAdministrators)

  return {
    verify,
    current,
    usable,
    create: (request: NewToken, by: Administrator) =>
      Effect.tapError(create(request, by), recordRefusal("token.create", by, request.name)),
    list,
    revoke: (idOrName: string, by: Administrator) =>
      Effect.tapError(revoke(idOrName, by), recordRefusal("token.revoke", by, shownTarget(idOrName))),
    foreign
  }
})
export type TokenOperations = Effect.Success<typeof makeTokenOperations>
