/** The manifest of a backup: what wrote it, and the size and SHA-256 of each file. */
import { Schema } from "effect"

export const manifestName = "manifold-backup.json"

/** Version of the layout of backups. */
export const backupFormat = 1

/** Relative, with `/`; no part of it is empty, `.` or `..`. */
const RelativePath = Schema.String.check(
  Schema.isMaxLength(1024),
  Schema.isPattern(/^(?!(?:.*\/)?\.{0,2}(?:\/|$))[^\\:\u0000]+$/)
)

export const BackupFile = Schema.Struct({
  path: RelativePath,
  /** Bytes. */
  size: Schema.Natural,
  /** Hexadecimal digits. */
  sha256: Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/))
})

export const BackupManifest = Schema.Struct({
  format: Schema.Natural,
  /** Version of the program that made the backup. */
  version: Schema.String,
  /** ISO 8601, UTC. */
  date: Schema.String,
  /** Newest migration of the SQLite database; 0 without a database. */
  migration: Schema.Natural,
  files: Schema.Array(BackupFile).check(Schema.isMaxLength(100_000))
})
export type BackupManifest = typeof BackupManifest.Type

export const ManifestText = Schema.fromJsonString(BackupManifest)

export class BackupError extends Schema.TaggedError<BackupError>()("BackupError", {
  reason: Schema.Literals([
    "exists",
    "inside",
    "missing",
    "damaged",
    "newer",
    "running",
    "unreadable",
    "unwritable"
  ]),
  message: Schema.String
}) {}
