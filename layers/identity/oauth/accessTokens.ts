/** Verifies access tokens of the OAuth server for the Authenticator: looked up by hash, so that they can be revoked at once. */
import { Effect, Schema } from "effect"
import { Principal } from "../../../src/domain/Principal.ts"
import { covers, fromOAuth } from "../../../src/domain/scopes.ts"
import { Count, rowsOf } from "../../storage/rows.ts"
import { Sql } from "../../storage/Sql.ts"
import { type Credentials, type Verdict, VerifierUnavailable } from "../CredentialVerifier.ts"
import type { Grant } from "../Grant.ts"
import { storedId } from "./records.ts"
import { audiencesOf, type Audiences } from "./resources.ts"

/** As credentials of grants begin, before the colon. */
export const kind = "oauth-token"

const Payload = Schema.fromJsonString(
  Schema.Struct({
    aud: Schema.optionalKey(Schema.String),
    scope: Schema.optionalKey(Schema.String),
    jkt: Schema.optionalKey(Schema.String)
  })
)

const TokenRows = rowsOf(
  Schema.Struct({
    id: Schema.String,
    payload: Payload,
    client: Schema.String,
    expires_at: Count,
    name: Schema.String,
    scopes: Schema.String
  })
)
type TokenRow = Effect.Success<ReturnType<typeof TokenRows>>[number]
const CountRows = rowsOf(Schema.Struct({ count: Count }))

const words = (text: string) => text.split(" ").filter((word) => word !== "")

/** The granted scopes that the account still has; it may obtain all that it has (step-up). */
const grantOf = ({ client, expires_at, id, name, payload, scopes }: TokenRow): Grant => {
  const ceiling = words(scopes)
  const granted = words(payload.scope ?? "").map(fromOAuth)
  return {
    principal: new Principal({
      subject: name,
      clientId: client,
      scopes: granted.filter((scope) => covers(ceiling, scope)),
      ceiling,
      source: "oauth"
    }),
    credential: `${kind}:${id}`,
    expiresAt: expires_at,
    ...(payload.jkt !== undefined && { keyThumbprint: payload.jkt })
  }
}

const unavailable = new VerifierUnavailable({
  message: "Access tokens cannot be verified at this moment. Retry later.",
  retryAfter: 1000
})

export const make = Effect.gen(function* () {
  const { read } = yield* Sql

  /** Tokens of grants and accounts that still exist. */
  const find = (ids: ReadonlyArray<string>) =>
    TokenRows(
      read(
        (sql) => sql`SELECT t.id, t.payload, t.client, t.expires_at, a.name, a.scopes
          FROM oauth_records t
          JOIN oauth_records g ON g.model = 'Grant' AND g.id = t.grant_id
          JOIN oauth_accounts a ON a.id = t.account
          WHERE t.model = 'AccessToken' AND ${sql.in("t.id", ids)}`
      )
    ).pipe(
      Effect.tapError((error) => Effect.logWarning("access tokens cannot be verified", error.message)),
      Effect.mapError(() => unavailable)
    )

  return {
    verify: Effect.fnUntraced(function* (
      token: string,
      { resource }: Credentials,
      resources: Audiences
    ): Effect.fn.Return<Verdict, VerifierUnavailable> {
      const [row] = yield* find([storedId("AccessToken", token)])
      if (row === undefined || !audiencesOf(resources, resource).includes(row.payload.aud ?? ""))
        return undefined
      return grantOf(row)
    }),
    current: (credentials: ReadonlyArray<string>) =>
      Effect.map(find(credentials.map((each) => each.slice(kind.length + 1))), (rows) => {
        const grants = new Map(rows.map((row) => [`${kind}:${row.id}`, grantOf(row)]))
        return credentials.map((each) => grants.get(each))
      }),
    usable: CountRows(read((sql) => sql`SELECT COUNT(*) AS count FROM oauth_accounts`)).pipe(
      Effect.map(([row]) => (row?.count ?? 0) > 0),
      Effect.mapError(() => unavailable)
    )
  }
})
