/** Accounts of users who sign in at the OAuth server, in the database, with hashed passwords. */
import { Clock, Context, Effect, Layer, Schema, Semaphore } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Scope } from "../../../src/domain/scopes.ts"
import { Audit } from "../../audit/Audit.ts"
import { operator } from "../../audit/AuditEntry.ts"
import { Ids } from "../../platform/Ids.ts"
import { hashPassword, verifyPassword } from "../../platform/passwords.ts"
import type { DatabaseError } from "../../storage/DatabaseError.ts"
import { Count, rowsOf } from "../../storage/rows.ts"
import { Sql } from "../../storage/Sql.ts"

export const minPasswordLength = 12
/** Longer passwords are rejected without hashing. */
export const maxPasswordLength = 1024
const accountName = /^[\w.@-]{1,64}$/

/** A hash takes 64 MiB and about 100 ms: how many are computed at once, and how many callers wait for it. */
const maxHashes = 2
const maxWaiting = 32

export interface Account {
  readonly id: string
  readonly name: string
  readonly scopes: ReadonlyArray<Scope>
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly signedInAt: number | undefined
}

export class AccountError extends Schema.TaggedError<AccountError>()("AccountError", {
  reason: Schema.Literals(["name", "password", "taken", "unknown", "busy"]),
  message: Schema.String
}) {}

const fail = (reason: AccountError["reason"], message: string) =>
  Effect.fail(new AccountError({ reason, message }))

const unknown = (name: string) =>
  fail("unknown", `No account has the name ${name}. \`manifold user list\` lists all.`)

const checkPassword = (password: string) =>
  password.length < minPasswordLength || password.length > maxPasswordLength
    ? fail(
        "password",
        `A password needs ${minPasswordLength} to ${maxPasswordLength} characters, got ${password.length}.`
      )
    : Effect.void

const AccountRows = rowsOf(
  Schema.Struct({
    id: Schema.String,
    name: Schema.String,
    password: Schema.String,
    scopes: Schema.String,
    created_at: Count,
    signed_in_at: Schema.NullOr(Count)
  })
)
type AccountRow = Effect.Success<ReturnType<typeof AccountRows>>[number]

const accountOf = (row: AccountRow): Account => ({
  id: row.id,
  name: row.name,
  scopes: row.scopes.split(" ").filter((scope) => scope !== ""),
  createdAt: row.created_at,
  signedInAt: row.signed_in_at ?? undefined
})

export class Accounts extends Context.Service<
  Accounts,
  {
    readonly add: (account: {
      readonly name: string
      readonly password: string
      readonly scopes: ReadonlyArray<Scope>
    }) => Effect.Effect<Account, AccountError | DatabaseError>
    readonly list: Effect.Effect<ReadonlyArray<Account>, DatabaseError>
    readonly find: (id: string) => Effect.Effect<Account | undefined, DatabaseError>
    /** Removes the account and revokes everything that was granted to clients in its name. */
    readonly remove: (name: string) => Effect.Effect<void, AccountError | DatabaseError>
    /** Also ends its sessions and revokes its tokens. */
    readonly setPassword: (
      name: string,
      password: string
    ) => Effect.Effect<void, AccountError | DatabaseError>
    /** Tokens of its clients lose removed scopes within a second, and may obtain added ones (step-up). */
    readonly setScopes: (
      name: string,
      scopes: ReadonlyArray<Scope>
    ) => Effect.Effect<Account, AccountError | DatabaseError>
    /** The account, if the password is right. An unknown name takes as long as a wrong password. */
    readonly signIn: (
      name: string,
      password: string
    ) => Effect.Effect<Account | undefined, AccountError | DatabaseError>
  }
>()("manifold/identity/oauth/Accounts") {
  static readonly layer = Layer.effect(
    Accounts,
    Effect.gen(function* () {
      const { read, write } = yield* Sql
      const ids = yield* Ids
      const audit = yield* Audit
      const hashing = yield* Semaphore.make(maxHashes)
      let waiting = 0
      const busy = fail("busy", "Too many people sign in at this moment. Try again in a few seconds.")
      const limited = <A>(work: () => Promise<A>) =>
        Effect.suspend(() => {
          if (waiting >= maxWaiting) return busy
          waiting++
          return hashing.withPermit(Effect.promise(work)).pipe(Effect.ensuring(Effect.sync(() => waiting--)))
        })

      /** Compared with the password of unknown names. */
      const dummy = yield* Effect.cached(
        Effect.flatMap(ids.secret(32), (secret) =>
          Effect.promise(() => hashPassword(Buffer.from(secret).toString("base64")))
        )
      )
      const byName = (name: string) =>
        AccountRows(read((sql) => sql`SELECT * FROM oauth_accounts WHERE name = ${name.toLowerCase()}`))

      const changed = (
        sql: SqlClient,
        action: string,
        target: string,
        details?: Readonly<Record<string, string>>
      ) =>
        audit.record(sql, {
          actor: operator,
          action,
          target,
          outcome: "succeeded",
          ...(details !== undefined && { details })
        })

      const required = Effect.fnUntraced(function* (name: string) {
        const [row] = yield* byName(name)
        return row === undefined ? yield* unknown(name) : row
      })

      return Accounts.of({
        add: Effect.fn("Accounts.add")(function* ({ name, password, scopes }) {
          if (!accountName.test(name)) {
            return yield* fail("name", "An account name has 1 to 64 letters, digits and ._@-")
          }
          yield* checkPassword(password)
          if ((yield* byName(name)).length > 0) {
            return yield* fail("taken", `An account has the name ${name}. Choose another one.`)
          }
          const row: AccountRow = {
            id: yield* ids.next,
            name: name.toLowerCase(),
            password: yield* limited(() => hashPassword(password)),
            scopes: scopes.join(" "),
            created_at: yield* Clock.currentTimeMillis,
            signed_in_at: null
          }
          yield* write((sql) =>
            Effect.andThen(
              sql`INSERT INTO oauth_accounts ${sql.insert(row)}`,
              changed(sql, "account.create", row.name)
            )
          )
          return accountOf(row)
        }),
        list: Effect.map(
          AccountRows(read((sql) => sql`SELECT * FROM oauth_accounts ORDER BY name`)),
          (rows) => rows.map(accountOf)
        ),
        find: (id) =>
          Effect.map(
            AccountRows(read((sql) => sql`SELECT * FROM oauth_accounts WHERE id = ${id}`)),
            ([row]) => row && accountOf(row)
          ),
        remove: Effect.fn("Accounts.remove")(function* (name) {
          const { id } = yield* required(name)
          yield* write((sql) =>
            Effect.gen(function* () {
              yield* sql`DELETE FROM oauth_accounts WHERE id = ${id}`
              yield* sql`DELETE FROM oauth_records WHERE account = ${id}`
              yield* changed(sql, "account.remove", name.toLowerCase())
            })
          )
        }),
        setPassword: Effect.fn("Accounts.setPassword")(function* (name, password) {
          const { id } = yield* required(name)
          yield* checkPassword(password)
          const hash = yield* limited(() => hashPassword(password))
          yield* write((sql) =>
            Effect.gen(function* () {
              yield* sql`UPDATE oauth_accounts SET password = ${hash} WHERE id = ${id}`
              yield* sql`DELETE FROM oauth_records WHERE account = ${id}`
              yield* changed(sql, "account.password", name.toLowerCase())
            })
          )
        }),
        setScopes: Effect.fn("Accounts.setScopes")(function* (name, scopes) {
          const row = yield* required(name)
          const next = { ...row, scopes: scopes.join(" ") }
          yield* write((sql) =>
            Effect.andThen(
              sql`UPDATE oauth_accounts SET scopes = ${next.scopes} WHERE id = ${row.id}`,
              changed(sql, "account.scopes", row.name, { scopes: next.scopes, before: row.scopes })
            )
          )
          return accountOf(next)
        }),
        signIn: Effect.fn("Accounts.signIn")(function* (name, password) {
          const possible = accountName.test(name) && password.length <= maxPasswordLength
          const [row] = possible ? yield* byName(name) : []
          const hash = row?.password ?? (yield* dummy)
          const given = password.slice(0, maxPasswordLength)
          const right = yield* limited(() => verifyPassword(given, hash))
          if (!right || row === undefined) return undefined
          const now = yield* Clock.currentTimeMillis
          yield* write((sql) => sql`UPDATE oauth_accounts SET signed_in_at = ${now} WHERE id = ${row.id}`)
          return accountOf(row)
        })
      })
    })
  )
}
