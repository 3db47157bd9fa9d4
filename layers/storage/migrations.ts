/** The list of migrations, oldest first. A released migration is never changed; a later one corrects its errors. */
import type { Effect } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { audit } from "./migrations/audit.ts"
import { certificates } from "./migrations/certificates.ts"
import { chat } from "./migrations/chat.ts"
import { oauth } from "./migrations/oauth.ts"
import { proxies } from "./migrations/proxies.ts"
import { tokens } from "./migrations/tokens.ts"
import { usage } from "./migrations/usage.ts"

export interface Migration {
  readonly name: string
  /** SQL that SQLite and PostgreSQL both understand; runs in a transaction. */
  readonly up: Effect.Effect<void, SqlError, SqlClient>
}

export const migrations: ReadonlyArray<Migration> = [
  { name: "usage", up: usage }, // keep one line each
  { name: "chat", up: chat },
  { name: "tokens", up: tokens },
  { name: "audit", up: audit },
  { name: "oauth", up: oauth },
  { name: "certificates", up: certificates },
  { name: "proxies", up: proxies }
]
