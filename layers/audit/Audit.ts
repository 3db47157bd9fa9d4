/** Audit log: who did what, in rows of the database that are chained by hashes. */
import { Clock, Context, Duration, Effect, Latch, Layer, Option, Redacted, Schedule } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { ConfigSource } from "../config/ConfigSource.ts"
import type { DatabaseError } from "../storage/DatabaseError.ts"
import * as storage from "../storage/section.ts"
import { Sql } from "../storage/Sql.ts"
import { type AuditEntry, program } from "./AuditEntry.ts"
import { makeAuditQueue } from "./AuditQueue.ts"
import { type Digest, digestOf, type UnlinkedRow } from "./chain.ts"
import { contentOf } from "./contentOf.ts"
import { makeUnwrittenRows } from "./unwrittenRows.ts"
import { type AuditSettings, defaults, section } from "./section.ts"

let loaded: typeof import("./auditRows.ts") | undefined
/** Even of a module that is loaded, an import takes longer than writing several rows. */
const rows = Effect.suspend(() =>
  loaded === undefined
    ? Effect.map(
        Effect.promise(() => import("./auditRows.ts")),
        (statements) => (loaded = statements)
      )
    : Effect.succeed(loaded)
)

const pruneInterval = Duration.hours(6)

export class Audit extends Context.Service<
  Audit,
  {
    readonly settings: () => AuditSettings
    /** Writes a row in the transaction of `sql`, so that the row and the change that it records are both written, or neither. */
    readonly record: (sql: SqlClient, entry: AuditEntry) => Effect.Effect<void, SqlError>
    /** Writes a row and waits for it, for acts that change nothing in the database. */
    readonly write: (entry: AuditEntry) => Effect.Effect<void, DatabaseError>
    /**
     * Queues a row, which is written within a second and at shutdown. Never waits or fails, so that it can be called
     * anywhere, such as by observers.
     */
    readonly recordSoon: (entry: AuditEntry) => void
    /** Whether the queue is full: what must have a row, such as a call, is then rejected. */
    readonly isFull: () => boolean
    /** Writes the queued rows now. */
    readonly flush: Effect.Effect<void, DatabaseError>
  }
>()("manifold/audit/Audit") {
  /** Records nothing, for programs without a database. */
  static readonly layerNone = Layer.succeed(
    Audit,
    Audit.of({
      settings: () => ({ ...defaults, enabled: false }),
      record: () => Effect.void,
      write: () => Effect.void,
      recordSoon: () => {},
      isFull: () => false,
      flush: Effect.void
    })
  )

  /** Opens the database with the first row. */
  static readonly layer = Layer.effect(
    Audit,
    Effect.gen(function* () {
      const config = yield* ConfigSource
      const sql = yield* Sql
      let settings = defaults
      let digest: Digest = digestOf(undefined)
      yield* config.followOption(section, (now) =>
        Effect.sync(() => {
          settings = Option.getOrElse(now, () => defaults)
          digest = digestOf(settings.key && Redacted.value(settings.key))
        })
      )

      /** Removes rows that are older than their retention. */
      const prune = Effect.gen(function* () {
        const { retention } = yield* Effect.orDie(config.read(storage.section))
        const at = yield* Clock.currentTimeMillis
        const { removeBefore } = yield* rows
        const time = at - Duration.toMillis(retention.audit_rows)
        yield* Effect.repeat(
          sql.write((client) => removeBefore(client, time, { actor: program, at, digest })),
          { while: (removed) => removed > 0 }
        )
      }).pipe(
        Effect.catch(({ message }) =>
          Effect.logWarning(`Old rows of the audit log were not removed: ${message}`)
        )
      )

      /** Opened with the first row: before it there may be no database. */
      const begun = yield* Latch.make()
      yield* Effect.forkScoped(
        Effect.andThen(begun.await, Effect.repeat(prune, Schedule.spaced(pruneInterval)))
      )

      const unwritten = yield* makeUnwrittenRows
      const write = (contents: ReadonlyArray<UnlinkedRow>) =>
        Effect.flatMap(rows, (statements) =>
          sql.write((client) => statements.append(client, contents, digest))
        )
      let restored = false
      /** Rows of a process that ended while the database could not be written come first. */
      const restore = Effect.suspend(() =>
        restored
          ? Effect.void
          : Effect.andThen(
              unwritten.restore(write),
              Effect.sync(() => (restored = true))
            )
      )
      const append = (contents: ReadonlyArray<UnlinkedRow>) =>
        restore.pipe(Effect.andThen(write(contents)), Effect.andThen(begun.open))
      const save = (contents: ReadonlyArray<UnlinkedRow>) =>
        unwritten.save(contents).pipe(
          Effect.andThen(
            Effect.annotateLogs(
              Effect.logWarning("rows of the audit log are kept in the state folder until the next start"),
              { rows: contents.length }
            )
          ),
          Effect.catch((error) =>
            Effect.annotateLogs(Effect.logError("rows of the audit log are lost", error), {
              rows: contents.length
            })
          )
        )
      const queue = yield* makeAuditQueue(append, save)

      const timed = (entry: AuditEntry) => Effect.map(Clock.currentTimeMillis, (at) => contentOf(entry, at))
      const ifEnabled = <E>(self: Effect.Effect<void, E>) =>
        Effect.suspend(() => (settings.enabled ? self : Effect.void))

      return Audit.of({
        settings: () => settings,
        record: (client, entry) =>
          ifEnabled(
            Effect.flatMap(Effect.all([rows, timed(entry)]), ([statements, row]) =>
              Effect.andThen(statements.append(client, [row], digest), begun.open)
            )
          ),
        write: (entry) => ifEnabled(Effect.flatMap(timed(entry), (row) => append([row]))),
        recordSoon: (entry) => {
          if (settings.enabled) queue.add(entry, settings.max_queued)
        },
        isFull: () => settings.enabled && queue.size() >= settings.max_queued,
        flush: queue.flush
      })
    })
  )
}
