/** Verifies the chain of the audit log, from its oldest row or the checkpoint before it to its head. */
import { Effect, Option, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { headOf, lastCheckpoint, rowsAfter } from "./auditRows.ts"
import { type AuditRow, type Head, origin } from "./chain.ts"
import { type AuditKeys, makeRowCheck, type RowProblem } from "./rowCheck.ts"

const pageSize = 1000

const Removed = Schema.fromJsonString(Schema.Struct({ last: Schema.Int, hash: Schema.String }))

export type Verification =
  | {
      readonly status: "intact"
      readonly rows: number
      /** Null in an empty log. */
      readonly first: number | null
      readonly head: Head
    }
  /** `id`: the first broken row. */
  | { readonly status: "broken"; readonly id: number; readonly problem: string }

export interface VerifyOptions {
  /** A head that was reported before; the chain must still contain it, or have removed it by retention. */
  readonly expected?: Head | undefined
  readonly keys: AuditKeys
  /** With a key: id of the first row that must have it. */
  readonly keySince: number
}

const broken = (id: number, problem: string): Verification => ({ status: "broken", id, problem })

const brokenRow = ({ id, problem }: RowProblem) => broken(id, problem)

/** What the oldest row follows: the origin, or the last row that a checkpoint says was removed. */
const startOf = Effect.fnUntraced(function* (sql: SqlClient, first: AuditRow, head: Head) {
  if (first.id === 1) return origin
  const row = yield* lastCheckpoint(sql, head)
  const removed = row && Option.getOrUndefined(Schema.decodeOption(Removed)(row.details))
  return removed?.last === first.id - 1 ? { id: removed.last, hash: removed.hash } : undefined
})

const verifyOnce = Effect.fnUntraced(function* (sql: SqlClient, { expected, keys, keySince }: VerifyOptions) {
  const head = yield* headOf(sql, false)
  let page = yield* rowsAfter(sql, 0, pageSize)
  const [first] = page
  if (first === undefined) {
    if (head.id !== 0) return broken(head.id, "the log is empty, but its head names this row")
    return expected === undefined || expected.id === 0
      ? ({ status: "intact", rows: 0, first: null, head } satisfies Verification)
      : broken(expected.id, "the row that was expected is missing")
  }
  let before = yield* startOf(sql, first, head)
  if (before === undefined)
    return broken(first.id - 1, "this row and those before it are missing without a checkpoint")
  const { check, end } = makeRowCheck(keys, keySince)
  let rows = 0
  let found = expected === undefined || expected.id <= before.id
  while (page.length > 0) {
    for (const row of page) {
      // Rows that were written since have no head to compare with.
      if (row.id > head.id) break
      if (row.id !== before.id + 1) return broken(before.id + 1, "this row is missing")
      const problem = check(before.hash, row)
      if (problem !== undefined) return brokenRow(problem)
      if (row.id === expected?.id) {
        if (row.hash !== expected.hash) return broken(row.id, "the hash is not the expected one")
        found = true
      }
      before = row
      rows++
    }
    if (before.id >= head.id) break
    page = yield* rowsAfter(sql, before.id, pageSize)
  }
  if (before.id < head.id) return broken(before.id + 1, "this row is missing at the end of the log")
  if (before.hash !== head.hash) return broken(head.id, "the head names another hash")
  if (!found && expected !== undefined) return broken(expected.id, "the row that was expected is missing")
  const problem = end()
  if (problem !== undefined) return brokenRow(problem)
  return { status: "intact", rows, first: first.id, head } satisfies Verification
})

/** Retention may remove rows meanwhile, so a broken chain is read again. */
export const verifyChain = (sql: SqlClient, options: VerifyOptions) =>
  Effect.filterOrElse(
    verifyOnce(sql, options),
    ({ status }) => status !== "broken",
    () => verifyOnce(sql, options)
  )
