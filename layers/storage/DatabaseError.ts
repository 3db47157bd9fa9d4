/** Errors of the database: what is wrong, and what to do. */
import { Schema } from "effect"
import type { SqlError } from "effect/sql/SqlError"

const Reason = Schema.Literals([
  "locked",
  "read_only",
  "full",
  "newer",
  "damaged",
  "unreachable",
  "denied",
  "failed"
])
export type DatabaseReason = typeof Reason.Type

/** The database's place, and the setting that changes it. */
export interface DatabasePlace {
  readonly driver: "sqlite" | "postgres"
  /** A path, or `host:port/name`; without credentials. */
  readonly name: string
}

const settings: Record<DatabasePlace["driver"], string> = {
  sqlite: "storage.dir (or MANIFOLD_STORAGE_DIR)",
  postgres: "storage.postgres_url"
}

const forCallers: Record<DatabaseReason, string> = {
  locked: "the database is locked by another process",
  read_only: "the database cannot be written",
  full: "no space is left for the database",
  newer: "the database belongs to a newer version of this program",
  damaged: "the database is damaged",
  unreachable: "the database cannot be reached",
  denied: "the database denies access",
  failed: "the database failed"
}

export class DatabaseError extends Schema.TaggedError<DatabaseError>()("DatabaseError", {
  reason: Reason,
  /** A path, or `host:port/name`. */
  database: Schema.String,
  message: Schema.String
}) {
  /** The message for callers. It shows no path or address; the log has `message`. */
  get forCallers(): string {
    return `${forCallers[this.reason]}, the log says what to do`
  }

  /** Whether the error is transient: the same statement may succeed later. */
  get isTransient(): boolean {
    return this.reason === "locked" || this.reason === "unreachable" || this.reason === "full"
  }
}

const advice = ({ driver, name }: DatabasePlace, reason: DatabaseReason): string => {
  const setting = settings[driver]
  switch (reason) {
    case "locked":
      return `the database ${name} is locked by another process: end what holds it, such as a backup or a shell`
    case "read_only":
      return `the database ${name} cannot be written: let this user write it and its folder, or set ${setting} to another place`
    case "full":
      return `no space is left for the database ${name}: make room`
    case "newer":
      return `the database ${name} was last used by a newer version of this program: run that version, or set ${setting} to another place`
    case "damaged":
      return `the database ${name} is damaged: restore it from a backup, or move it away to start a new one`
    case "unreachable":
      return driver === "sqlite"
        ? `the database ${name} cannot be opened: let this user write its folder, or set ${setting} to another folder`
        : `PostgreSQL at ${name} cannot be reached: start it, or correct ${setting}`
    case "denied":
      return `the database ${name} denies access: correct the user, the password or the permissions in ${setting}`
    case "failed":
      return `the database ${name} failed`
  }
}

/** `detail` is the database's own message. */
export const databaseError = (place: DatabasePlace, reason: DatabaseReason, detail?: string) =>
  new DatabaseError({
    reason,
    database: place.name,
    message: detail === undefined ? advice(place, reason) : `${advice(place, reason)} (${detail})`
  })

/** The database's own code: SQLite's name, or PostgreSQL's SQLSTATE. */
const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string"
    ? cause.code
    : ""

const codes: ReadonlyArray<readonly [RegExp, DatabaseReason]> = [
  [/^SQLITE_READONLY|^25006$/, "read_only"],
  [/^SQLITE_FULL|^53100$/, "full"],
  [/^SQLITE_(?:CORRUPT|NOTADB)/, "damaged"],
  [/^SQLITE_(?:BUSY|LOCKED)|^55P03$|^40P01$|^40001$/, "locked"],
  [/^SQLITE_(?:CANTOPEN|IOERR)|^57P|^08|^53300$/, "unreachable"],
  [/^SQLITE_(?:PERM|AUTH)|^28|^3D000$|^42501$/, "denied"]
]

const reasons: Readonly<Record<string, DatabaseReason>> = {
  ConnectionError: "unreachable",
  AuthenticationError: "denied",
  AuthorizationError: "denied",
  LockTimeoutError: "locked",
  StatementTimeoutError: "locked",
  DeadlockError: "locked",
  SerializationError: "locked"
}

/** Translates an error of `effect/sql`. */
export const fromSqlError = (place: DatabasePlace, { reason }: SqlError): DatabaseError => {
  const code = codeOf(reason.cause)
  const [, known = reasons[reason._tag] ?? "failed"] = codes.find(([pattern]) => pattern.test(code)) ?? []
  const said = reason.cause instanceof Error ? reason.cause.message : reason.message
  return databaseError(place, known, said === "" ? undefined : said)
}
