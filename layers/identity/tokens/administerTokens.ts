/** Creates, lists and revokes stored API tokens; each change is in the audit log. */
import { Clock, DateTime, Effect, Redacted } from "effect"
import type { Principal } from "../../../src/domain/Principal.ts"
import { covers } from "../../../src/domain/scopes.ts"
import { Audit } from "../../audit/Audit.ts"
import { actorOf, operator } from "../../audit/AuditEntry.ts"
import { ConfigSource } from "../../config/ConfigSource.ts"
import { Sql } from "../../storage/Sql.ts"
import { section } from "../section.ts"
import { configuredTokens } from "./configuredTokens.ts"
import type { makePepper } from "./pepper.ts"
import { isoOf, TokenError, type TokensUnavailable, type NewToken } from "./StoredToken.ts"
import type { TokenFailures } from "./tokenFailures.ts"
import * as rows from "./tokenRows.ts"
import { mint } from "./tokenText.ts"

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

const idOrNameForm = /^[\w.@-]{1,64}$/

/** The target of a refused revocation. It may be the token itself, by mistake. */
const shownTarget = (idOrName: string): string => (idOrNameForm.test(idOrName) ? idOrName : "")

const refused = (reason: TokenError["reason"], message: string) =>
  Effect.fail(new TokenError({ reason, message }))

export const makeTokenAdministration = Effect.fnUntraced(function* (
  pepper: Effect.Success<typeof makePepper>,
  { forAdministrators }: TokenFailures
) {
  const sql = yield* Sql
  const audit = yield* Audit
  const config = yield* ConfigSource
  let settings = yield* config.read(section)
  yield* config.follow(section, (now) => Effect.sync(() => void (settings = now)))

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
        const isKnown = cursor !== undefined && idOrNameForm.test(cursor)
        const last = isKnown ? yield* rows.findToken(client, cursor) : undefined
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
        if (yield* rows.revoke(client, before.id, now, revoker)) {
          yield* audit.record(client, {
            actor,
            requestId,
            action: "token.revoke",
            target: before.id,
            outcome: "succeeded",
            details: { name: before.name, subject: before.subject }
          })
        }
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
    create: (request: NewToken, by: Administrator) =>
      Effect.tapError(create(request, by), recordRefusal("token.create", by, request.name)),
    list,
    revoke: (idOrName: string, by: Administrator) =>
      Effect.tapError(revoke(idOrName, by), recordRefusal("token.revoke", by, shownTarget(idOrName))),
    foreign
  }
})
