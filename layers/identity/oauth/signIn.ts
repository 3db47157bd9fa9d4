/** Checks the password of a person who signs in: throttled per account and per address, and recorded. */
import { Effect, Exit } from "effect"
import type { Audit } from "../../audit/Audit.ts"
import { unauthenticated } from "../../audit/AuditEntry.ts"
import { networkOf, type AttemptLimit } from "../AttemptLimit.ts"
import type { Account, Accounts } from "./Accounts.ts"
import { monotonicNow } from "../../platform/monotonic.ts"

export interface SignInOptions {
  readonly accounts: Accounts["Service"]
  readonly audit: Audit["Service"]
  /** Failed sign-ins. */
  readonly perAccount: AttemptLimit
  readonly perAddress: AttemptLimit
}

export interface Attempt {
  readonly name: string
  readonly password: string
  readonly address: string
  /** The client that asked for it, for the audit log. */
  readonly client: string
}

/** Why a person is not signed in, for the page. */
export interface NotSignedIn {
  readonly status: number
  readonly problem: string
  readonly headers?: Readonly<Record<string, string>>
}

export const isSignedIn = (result: Account | NotSignedIn): result is Account => "id" in result

const throttledText = (milliseconds: number) =>
  `Too many failed sign-ins. Try again in ${Math.ceil(milliseconds / 60_000)} minutes.`

export const make = ({ accounts, audit, perAccount, perAddress }: SignInOptions) =>
  Effect.fnUntraced(function* ({
    address,
    client,
    name,
    password
  }: Attempt): Effect.fn.Return<Account | NotSignedIn> {
    const now = yield* monotonicNow
    const keys = [
      [perAccount, name.toLowerCase().slice(0, 64)],
      [perAddress, networkOf(address)]
    ] as const
    const wait = Math.max(...keys.map(([limit, key]) => limit.retryAfter(key, now) ?? 0))
    if (wait > 0) {
      const headers = { "retry-after": String(Math.ceil(wait / 1000)) }
      return { status: 429, headers, problem: throttledText(wait) }
    }
    const exit = yield* Effect.exit(accounts.signIn(name, password))
    if (Exit.isFailure(exit)) {
      yield* Effect.logWarning("a sign-in could not be checked", exit.cause)
      const problem = "Signing in is not possible at this moment. Try again in a few seconds."
      return { status: 503, problem, headers: { "retry-after": "5" } }
    }
    const account = exit.value
    if (account === undefined) {
      for (const [limit, key] of keys) limit.count(key, now)
      audit.recordSoon({
        actor: unauthenticated,
        action: "account.sign_in",
        target: name.slice(0, 64),
        outcome: "refused",
        details: { address }
      })
      yield* Effect.logWarning("sign-in failed").pipe(
        Effect.annotateLogs({ address, account: name.slice(0, 64) })
      )
      return { status: 401, problem: "The account or the password is wrong." }
    }
    perAccount.reset(keys[0][1])
    audit.recordSoon({
      actor: { subject: account.name, client, source: "oauth" },
      action: "account.sign_in",
      target: account.name,
      outcome: "succeeded",
      details: { address }
    })
    return account
  })
export type SignIn = ReturnType<typeof make>
