/** Statements that add to the hourly sums of the ledger and of budgets. Each runs in a transaction of its caller. */
import { Array as Arr, Effect } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { type CallRow, hourOf, tokenNames } from "./callRow.ts"
import { addUnits } from "./columns.ts"
import { mostUnits } from "./money.ts"

const counted = [...tokenNames, "unpriced", "uncertain"] as const

type Summed = Pick<
  CallRow,
  (typeof counted)[number] | "at" | "source" | "principal" | "client" | "tool" | "provider" | "model" | "cost"
>

/** Rows with a key and an amount, whose values are added up by key. */
interface Summand {
  readonly key: string
  readonly amount: bigint
  readonly counts: ReadonlyArray<number>
  readonly row: Readonly<Record<string, unknown>>
}

/**
 * Sums by key, each at most `mostUnits`, since one statement adds no more. In lists whose keys are unique, since one
 * statement changes no row twice.
 */
const added = (summands: ReadonlyArray<Summand>): ReadonlyArray<Arr.NonEmptyReadonlyArray<Summand>> => {
  const lists: Array<Map<string, Summand>> = []
  for (const each of summands) {
    const fits = (list: Map<string, Summand>) => {
      const sum = (list.get(each.key)?.amount ?? 0n) + each.amount
      return sum <= mostUnits && sum >= -mostUnits
    }
    let list = lists.find(fits)
    if (list === undefined) lists.push((list = new Map<string, Summand>()))
    const before = list.get(each.key)
    list.set(each.key, {
      ...each,
      amount: (before?.amount ?? 0n) + each.amount,
      counts: each.counts.map((count, index) => count + (before?.counts[index] ?? 0))
    })
  }
  return lists.map((list) => [...list.values()]).filter(Arr.isArrayNonEmpty)
}

const hourColumns = ["calls", ...counted] as const

const hourSums = [
  ...hourColumns.map((name) => `${name} = usage_hours.${name} + excluded.${name}`),
  addUnits("usage_hours", "cost")
].join(", ")

/** The row of a call, for the sums of its hour; `sign` -1 takes it back. */
export const ofHour = (row: Summed, sign: 1 | -1): Summand => {
  const { client, model, principal, provider, source, tool } = row
  const key = { hour: hourOf(row.at), source, principal, client, tool, provider, model }
  return {
    key: JSON.stringify(key),
    amount: BigInt(sign) * row.cost,
    counts: [sign, ...counted.map((name) => sign * row[name])],
    row: key
  }
}

export const addToHours = (sql: SqlClient, summands: ReadonlyArray<Summand>) =>
  Effect.forEach(
    added(summands),
    (rows) => {
      const values = Arr.map(rows, ({ amount, counts, row }) => ({
        ...row,
        ...Object.fromEntries(hourColumns.map((name, index) => [name, counts[index]])),
        cost: amount
      }))
      return sql`INSERT INTO usage_hours ${sql.insert(values)}
        ON CONFLICT (hour, source, principal, client, tool, provider, model) DO UPDATE SET ${sql.literal(hourSums)}`
    },
    { discard: true }
  )

export interface HourAmount {
  readonly hour: number
  readonly amount: bigint
}

/** Amounts by hour, for the sums of all principals and of the principal. */
export const ofSpent = (
  { principal, source }: Pick<CallRow, "source" | "principal">,
  amounts: ReadonlyArray<HourAmount>
): ReadonlyArray<Summand> =>
  amounts
    .filter(({ amount }) => amount !== 0n)
    .flatMap(({ amount, hour }) =>
      [-1, hour].flatMap((each) =>
        [
          { source: "", principal: "", hour: each },
          { source, principal, hour: each }
        ].map((key) => ({ key: JSON.stringify(key), amount, counts: [], row: key }))
      )
    )

export const addSpent = (sql: SqlClient, summands: ReadonlyArray<Summand>) =>
  Effect.forEach(
    added(summands),
    (rows) =>
      sql`INSERT INTO usage_spent ${sql.insert(Arr.map(rows, ({ amount, row }) => ({ ...row, amount })))}
        ON CONFLICT (source, principal, hour) DO UPDATE SET ${sql.literal(addUnits("usage_spent", "amount"))}`,
    { discard: true }
  )
