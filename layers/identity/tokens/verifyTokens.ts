/** Verifies stored API tokens, and records their use. */
import { Clock, Effect } from "effect"
import { equalInConstantTime } from "../../platform/digest.ts"
import { Sql } from "../../storage/Sql.ts"
import type { Verdict } from "../CredentialVerifier.ts"
import type { makePepper } from "./pepper.ts"
import type { TokenFailures } from "./tokenFailures.ts"
import * as rows from "./tokenRows.ts"
import type { TokenParts } from "./tokenText.ts"

/** Milliseconds between two recorded uses of a token. */
const useInterval = 60_000

/** Compared with the hash of an unknown token, so that its rejection takes as long as that of a known one. */
const noHash = "0".repeat(64)

const bytes = (text: string) => new TextEncoder().encode(text)

export const makeTokenVerification = Effect.fnUntraced(function* (
  pepper: Effect.Success<typeof makePepper>,
  { forVerification }: TokenFailures
) {
  const sql = yield* Sql
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

  return { verify, current, usable }
})
