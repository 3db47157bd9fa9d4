/** Checks the hashes of rows, with the keys that they may or must have. */
import { type AuditRow, type Digest, digestOf, hashOf } from "./chain.ts"

export interface AuditKeys {
  /** The key of new rows. */
  readonly key?: string | undefined
  /** Earlier keys. */
  readonly previous: ReadonlyArray<string>
}

/** `foreign`: the row was changed, or another key made its hash. */
type RowDigest = "keyed" | "plain" | "foreign"

/** Classifies rows by the digest that made their hash. The one of the row before is tried first. */
const makeRowDigests = ({ key, previous }: AuditKeys) => {
  const keyed = [...(key === undefined ? [] : [key]), ...previous].map(digestOf)
  const plain = digestOf(undefined)
  let candidates: ReadonlyArray<Digest> = [...keyed, plain]
  return (before: string, row: AuditRow): RowDigest => {
    const found = candidates.find((digest) => hashOf(digest, before, row) === row.hash)
    if (found === undefined) return "foreign"
    if (found !== candidates[0]) candidates = [found, ...candidates.filter((each) => each !== found)]
    return found === plain ? "plain" : "keyed"
  }
}

export interface RowProblem {
  readonly id: number
  readonly problem: string
}

const changed = "the hash does not match its content and the row before"

/**
 * Rows are given in their order. With a key, rows from `keySince` on must have one: otherwise the whole log could be written
 * again without it.
 */
export const makeRowCheck = (keys: AuditKeys, keySince: number) => {
  const digestOfRow = makeRowDigests(keys)
  const isRequired = keys.key !== undefined
  let keyed = false
  /** The first and last row without a key. */
  let plain: readonly [number, number] | undefined

  const foreign =
    isRequired || keys.previous.length > 0
      ? `${changed}, or has another key than audit.key and audit.previous_keys`
      : `${changed}, or has a key: set audit.key`

  return {
    /** The problem of a row, after the row with the hash `before`. */
    check: (before: string, row: AuditRow): RowProblem | undefined => {
      const digest = digestOfRow(before, row)
      if (digest === "foreign") return { id: row.id, problem: foreign }
      if (digest === "keyed") keyed = true
      else if (isRequired && keyed) return { id: row.id, problem: "it has no key, unlike rows before it" }
      else if (isRequired && row.id >= keySince) plain = [plain?.[0] ?? row.id, row.id]
      return undefined
    },
    /** The problem of all rows together. */
    end: (): RowProblem | undefined => {
      if (plain === undefined) return undefined
      const [id, last] = plain
      return {
        id,
        problem: keyed
          ? `rows ${id} to ${last} have no key. If audit.key was set after them, verify with --key-since ${last + 1}`
          : "neither this row nor a later one has a key. If audit.key was just set, verify again after the next row"
      }
    }
  }
}
