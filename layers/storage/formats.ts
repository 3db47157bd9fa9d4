/** Versions of what is stored in the state folder, and the file that has those which a folder was written with. */
import { Schema } from "effect"
import { program } from "../../src/domain/version.ts"

/** The file in the state folder. Without it every format has version 1, but there may be no database. */
export const formatsFile = "formats.json"

/** Raise a version if a program of the version before must not read or write the files any more. */
export const formats = {
  /** `manifold.db`: number of migrations. */
  database: 7,
  /** `events*.jsonl`. */
  conversations: 1,
  /** `keys/*`. */
  keys: 1,
  /** `*.sealed`: encrypted credentials. */
  sealed_files: 1,
  /** `upstreams/*.json`. */
  upstream_lists: 1,
  /** `audit-rows-*.json`: rows that wait for the database. */
  audit_rows: 1
} as const

const Stored = Schema.Struct({
  /** Version of the program that wrote the file. */
  written_by: Schema.String,
  formats: Schema.Record(Schema.String, Schema.Natural)
})
export type StoredFormats = typeof Stored.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Stored))

/** Undefined: damaged. */
export const parseFormats = (text: string): StoredFormats | undefined => {
  const found = decode(text)
  return found._tag === "Some" ? found.value : undefined
}

export const formatsText = (): string => `${JSON.stringify({ written_by: program.version, formats })}\n`

const known: ReadonlyMap<string, number> = new Map(Object.entries(formats))

/** Whether the folder was last written with versions other than those of this program. */
export const isOutdated = (found: StoredFormats): boolean =>
  [...known].some(([name, version]) => found.formats[name] !== version)

/** What this program does not know of the formats. Undefined: nothing. */
export const describeNewer = (found: StoredFormats): string | undefined => {
  const newer = Object.entries(found.formats)
    .filter(([name, version]) => version > (known.get(name) ?? 0))
    .map(([name, version]) => `${name} ${version} (known: ${known.get(name) ?? "none"})`)
  return newer.length === 0
    ? undefined
    : `was written by manifold ${found.written_by}, which is newer than ${program.version}: ${newer.join(", ")}`
}
