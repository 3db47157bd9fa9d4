/** `manifold audit`: rows of the audit log, as text, JSON lines or CSV. */
import { Clock, Console, DateTime, Duration, Effect, Option, Schema } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { findRows, type AuditQuery } from "../../layers/audit/auditQuery.ts"
import type { AuditRow } from "../../layers/audit/chain.ts"
import { csvHeader, csvLine, jsonLine, textLine } from "../../layers/audit/exportRows.ts"
import { DurationSetting } from "../../layers/config/DurationSetting.ts"
import { Sql } from "../../layers/storage/Sql.ts"
import { auditLog } from "../program/audit.ts"
import { verify } from "./audit/verify.ts"
import { UsageError } from "./UsageError.ts"

const formats = ["text", "json", "csv"] as const

const lineOf: Record<(typeof formats)[number], (row: AuditRow) => string> = {
  text: textLine,
  json: jsonLine,
  csv: csvLine
}

const text = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.optional)

/** Milliseconds since the epoch: of a date, or of a time before now. */
const timeOf = Effect.fnUntraced(function* (flag: string, given: Option.Option<string>) {
  if (Option.isNone(given)) return undefined
  const date = Option.map(DateTime.make(given.value), DateTime.toEpochMillis)
  if (/^\d{4}-/.test(given.value) && Option.isSome(date)) return date.value
  const ago = yield* Schema.decodeEffect(DurationSetting)(given.value).pipe(
    Effect.mapError(
      () =>
        new UsageError({
          detail: `--${flag} ${given.value}: write a date such as 2027-01-31 or 2027-01-31T12:00:00Z, or a time before now such as "2 hours"`
        })
    )
  )
  return (yield* Clock.currentTimeMillis) - Duration.toMillis(ago)
})

const pageSize = 1000

/** All matching rows, oldest first, one page at a time. */
const printAll = Effect.fnUntraced(function* (query: AuditQuery, line: (row: AuditRow) => string) {
  const sql = yield* Sql
  let after = 0
  let page: ReadonlyArray<AuditRow>
  do {
    page = yield* sql.read((client) => findRows(client, query, { after, limit: pageSize }))
    for (const row of page) yield* Console.log(line(row))
    after = page.at(-1)?.id ?? after
  } while (page.length === pageSize)
})

const printNewest = Effect.fnUntraced(function* (
  query: AuditQuery,
  limit: number,
  line: (row: AuditRow) => string
) {
  const found = yield* (yield* Sql).read((client) => findRows(client, query, { limit }))
  for (const row of found.toReversed()) yield* Console.log(line(row))
  return found.length
})

export const audit = Command.make(
  "audit",
  {
    since: text("since", 'Rows from this date on, or of the time before now, such as "2 hours"'),
    until: text("until", "Rows before this date, or time before now"),
    actor: text("actor", "Subject or client that acted"),
    action: text("action", "Action, such as tool.call, or a prefix, such as token.*"),
    target: text("target", "Object of the action, such as a tool, or a prefix that ends with *"),
    outcome: text("outcome", "Outcome: succeeded, refused, failed, died, interrupted, suspended or started"),
    limit: Flag.Int("limit").pipe(
      Flag.withDescription("Print the newest rows only (default: 50 as text, all as JSON and CSV)"),
      Flag.optional
    ),
    format: Flag.Literals("format", formats).pipe(
      Flag.withDescription("text, json (one object per line) or csv"),
      Flag.withDefault("text")
    )
  },
  Effect.fnUntraced(function* ({ format, limit, since, until, ...texts }) {
    const query: AuditQuery = {
      since: yield* timeOf("since", since),
      until: yield* timeOf("until", until),
      actor: Option.getOrUndefined(texts.actor),
      action: Option.getOrUndefined(texts.action),
      target: Option.getOrUndefined(texts.target),
      outcome: Option.getOrUndefined(texts.outcome)
    }
    if (Option.isSome(limit) && limit.value < 1) {
      return yield* new UsageError({ detail: "--limit: write a number from 1" })
    }
    if (format === "csv") yield* Console.log(csvHeader)
    if (format !== "text" && Option.isNone(limit)) return yield* printAll(query, lineOf[format])
    const printed = yield* printNewest(
      query,
      Option.getOrElse(limit, () => 50),
      lineOf[format]
    )
    if (printed === 0 && format === "text") yield* Console.log("No rows.")
  }, Effect.provide(auditLog))
).pipe(
  Command.withDescription("Show who did what: rows of the audit log"),
  Command.withExamples([
    { command: "manifold audit", description: "The newest 50 rows" },
    {
      command: 'manifold audit --since "1 day" --outcome refused',
      description: "What was refused since yesterday"
    },
    { command: "manifold audit --action 'token.*' --format csv", description: "All acts on tokens as CSV" }
  ]),
  Command.withSubcommands([verify])
)
