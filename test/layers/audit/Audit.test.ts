/** The audit log: rows with their change or not at all, chained, also by several processes, and verified. */
import { expect } from "bun:test"
import { readdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Layer, Logger } from "effect"
import { Audit } from "../../../layers/audit/Audit.ts"
import { digestOf, hashOf, origin } from "../../../layers/audit/chain.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { act, audited, change, storedRows, verified, verifiedWith } from "../../support/audit.ts"
import { administer, itPostgres, onEachDatabase, postgresUrl, sqlite } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { atOnce } from "../../support/parallelProcesses.ts"

const record = (name: string) =>
  Effect.flatMap(Audit, (audit) =>
    Effect.flatMap(Sql, ({ write }) => write((sql) => audit.record(sql, act(name))))
  )

const recordSeveral = Effect.forEach(["one", "two", "three", "four"], record)

onEachDatabase("the audit log", (database) => {
  it.live("has a row for each act, chained to the row before", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        yield* record("one")
        const audit = yield* Audit
        audit.recordSoon(act("two", { outcome: "refused", requestId: "r-2", details: { scopes: ["admin"] } }))
        yield* audit.flush
        const rows = yield* storedRows
        expect(rows).toMatchObject([
          { id: 1, subject: "alice", client: "ide", source: "api-token", action: "test.act", target: "one" },
          { id: 2, outcome: "refused", request_id: "r-2", details: `{"scopes":["admin"]}` }
        ])
        expect(yield* verified).toMatchObject({
          status: "intact",
          rows: 2,
          head: { id: 2, hash: rows[1]?.hash }
        })
      }).pipe(Effect.provide(audited(yield* database)))
    })
  )

  it.live("has no row of a change that was rolled back", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        const audit = yield* Audit
        const { write } = yield* Sql
        const failing = write((sql) =>
          Effect.andThen(audit.record(sql, act("undone")), Effect.fail("undone" as const))
        )
        expect(yield* Effect.flip(failing)).toBe("undone")
        yield* record("done")
        expect(yield* storedRows).toMatchObject([{ id: 1, target: "done" }])
      }).pipe(Effect.provide(audited(yield* database)))
    })
  )

  it.live("stores any text of a caller, and its hash stays the same", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        const texts = [
          `a\u0000b`,
          "\ud800",
          "x".repeat(5000),
          `{"level":\n"info"}`,
          "\u001b[31mred",
          "'; DROP TABLE audit_rows; --"
        ]
        for (const text of texts) yield* record(text)
        const audit = yield* Audit
        audit.recordSoon(act("details", { details: { text: "\u0000\ud800", much: "y".repeat(100_000) } }))
        yield* audit.flush
        expect(yield* storedRows).toHaveLength(texts.length + 1)
        expect(yield* verified).toMatchObject({ status: "intact", rows: texts.length + 1 })
      }).pipe(Effect.provide(audited(yield* database)))
    })
  )

  it.live("that was changed is broken at the first changed row", () =>
    Effect.gen(function* () {
      const changes = [
        ["UPDATE audit_rows SET subject = 'bob' WHERE id = 2", 2],
        ["UPDATE audit_rows SET at = at + 1 WHERE id = 1", 1],
        ["UPDATE audit_rows SET client = subject, subject = client WHERE id = 3", 3],
        ["DELETE FROM audit_rows WHERE id = 2", 2],
        ["DELETE FROM audit_rows WHERE id = 1", 1],
        ["DELETE FROM audit_rows WHERE id = 4", 4],
        ["DELETE FROM audit_rows", 4],
        ["UPDATE audit_head SET hash = 'x'", 4]
      ] as const
      for (const [statement, id] of changes) {
        yield* Effect.gen(function* () {
          yield* recordSeveral
          expect(yield* verified).toMatchObject({ status: "intact" })
          yield* change(statement)
          expect({ statement, ...(yield* verified) }).toMatchObject({ statement, status: "broken", id })
        }).pipe(Effect.provide(audited(yield* database)))
      }
    })
  )

  it.live("is one chain of all processes that write it", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const file = new URL("auditProcess.ts", import.meta.url).pathname
      expect(yield* atOnce(3, file, { STORAGE: JSON.stringify(storage) })).toEqual([
        "done\n",
        "done\n",
        "done\n"
      ])
      yield* Effect.gen(function* () {
        expect(yield* verified).toMatchObject({ status: "intact", rows: 300 })
        const rows = yield* storedRows
        expect(rows.filter(({ target }) => target.startsWith("soon"))).toHaveLength(150)
      }).pipe(Effect.provide(audited(storage)))
    })
  )

  it.live("keeps its chain when old rows are removed", () =>
    Effect.gen(function* () {
      const storage = yield* database
      yield* Effect.provide(recordSeveral, audited(storage))
      const age = 5 * 24 * 3_600_000
      // As if they had been written then.
      yield* Effect.gen(function* () {
        let before = origin.hash
        for (const row of yield* storedRows) {
          const at = row.id <= 2 ? row.at - age : row.at
          before = hashOf(digestOf(undefined), before, { ...row, at })
          yield* change(`UPDATE audit_rows SET at = ${at}, hash = '${before}' WHERE id = ${row.id}`)
          yield* change(`UPDATE audit_head SET hash = '${before}'`)
        }
      }).pipe(Effect.provide(audited(storage)))
      yield* Effect.gen(function* () {
        yield* record("five")
        const rows = yield* storedRows.pipe(
          Effect.repeat({ until: (found) => found.some(({ action }) => action === "audit.checkpoint") })
        )
        expect(rows.map(({ id }) => id)).toEqual([3, 4, 5, 6])
        expect(JSON.parse(rows.at(-1)?.details ?? "")).toMatchObject({ first: 1, last: 2 })
        expect(yield* verified).toMatchObject({ status: "intact", rows: 4, first: 3 })
        yield* change("DELETE FROM audit_rows WHERE id = 3")
        expect(yield* verified).toMatchObject({ status: "broken", id: 3 })
      }).pipe(Effect.provide(audited(storage, {}, { retention: { audit_rows: "3 days" } })))
    })
  )

  it.live("with a key cannot be written again without it, by anyone who can write the database", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const keys = { key: "k".repeat(32), previous: [] }
      /** Computes all hashes again, after the change. */
      const rewritten = (statement: string, key?: string) =>
        Effect.gen(function* () {
          yield* change(statement)
          let before = origin.hash
          for (const row of yield* storedRows) {
            before = hashOf(digestOf(key), before, row)
            yield* change(`UPDATE audit_rows SET hash = '${before}' WHERE id = ${row.id}`)
          }
          yield* change(`UPDATE audit_head SET hash = '${before}'`)
        })
      yield* Effect.gen(function* () {
        yield* recordSeveral
        expect(yield* verifiedWith(keys)).toMatchObject({ status: "intact", rows: 4 })
        expect(yield* verified).toMatchObject({
          status: "broken",
          id: 1,
          problem: expect.stringContaining("set audit.key")
        })
        yield* rewritten("UPDATE audit_rows SET subject = 'bob' WHERE id = 2")
        expect(yield* verified).toMatchObject({ status: "intact" })
        expect(yield* verifiedWith(keys)).toMatchObject({ status: "broken", id: 1 })
        // Rows that are written later do not hide it.
        yield* record("five")
        expect(yield* verifiedWith(keys)).toMatchObject({
          status: "broken",
          id: 1,
          problem: expect.stringContaining("rows 1 to 4 have no key")
        })
        yield* rewritten("UPDATE audit_rows SET subject = 'bob' WHERE id = 3", "x".repeat(32))
        expect(yield* verifiedWith(keys)).toMatchObject({ status: "broken", id: 1 })
      }).pipe(Effect.provide(audited(storage, { key: keys.key })))
    })
  )

  it.live("may begin without a key, and change it", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const [old, next] = ["o".repeat(32), "n".repeat(32)]
      yield* Effect.provide(recordSeveral, audited(storage))
      yield* Effect.provide(recordSeveral, audited(storage, { key: old }))
      yield* Effect.provide(record("last"), audited(storage, { key: next, previous_keys: [old] }))
      yield* Effect.gen(function* () {
        const keys = { key: next, previous: [old] }
        expect(yield* verifiedWith(keys)).toMatchObject({
          status: "broken",
          id: 1,
          problem: expect.stringContaining("--key-since 5")
        })
        expect(yield* verifiedWith(keys, 5)).toMatchObject({ status: "intact", rows: 9 })
        expect(yield* verifiedWith(keys, 4)).toMatchObject({ status: "broken", id: 4 })
        expect(yield* verifiedWith({ key: next, previous: [] }, 5)).toMatchObject({ status: "broken", id: 5 })
      }).pipe(Effect.provide(audited(storage)))
      yield* Effect.provide(record("without"), audited(storage))
      yield* Effect.gen(function* () {
        const keys = { key: next, previous: [old] }
        expect(yield* verifiedWith(keys, 5)).toMatchObject({
          status: "broken",
          id: 10,
          problem: "it has no key, unlike rows before it"
        })
        // The rows without a key are protected by those that follow.
        yield* change("UPDATE audit_rows SET subject = 'bob' WHERE id = 2")
        expect(yield* verifiedWith(keys, 5)).toMatchObject({ status: "broken", id: 2 })
      }).pipe(Effect.provide(audited(storage)))
    })
  )

  it.live("ignores a checkpoint after its head, which is not verified", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        yield* recordSeveral
        const [, second] = yield* storedRows
        const details = JSON.stringify({ first: 1, last: 2, hash: second?.hash })
        yield* change(`INSERT INTO audit_rows
          SELECT 9, at, subject, client, source, 'audit.checkpoint', target, outcome, request_id, '${details}', hash
          FROM audit_rows WHERE id = 4`)
        yield* change("DELETE FROM audit_rows WHERE id <= 2")
        expect(yield* verified).toMatchObject({ status: "broken", id: 2 })
      }).pipe(Effect.provide(audited(yield* database)))
    })
  )

  it.live("is not written if it is disabled", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        const audit = yield* Audit
        yield* record("one")
        audit.recordSoon(act("two"))
        yield* audit.flush
        expect(yield* storedRows).toEqual([])
      }).pipe(Effect.provide(audited(yield* database, { enabled: false })))
    })
  )
})

it.live("rows that cannot be written at the end of a process are written by the next one, once", () =>
  Effect.gen(function* () {
    const { dir } = yield* sqlite
    const unreachable = { dir, postgres_url: "postgres://someone@127.0.0.1:1/nothing" }
    const files = Effect.map(
      Effect.promise(() => readdir(dir)),
      (names) => names.filter((name) => name.startsWith("audit-rows-"))
    )
    yield* Effect.gen(function* () {
      const audit = yield* Audit
      for (let index = 0; index < 600; index++) audit.recordSoon(act(`before ${index}`))
    }).pipe(Effect.provide(Layer.mergeAll(audited(unreachable), Logger.layer([]))))
    expect(yield* files).toHaveLength(1)
    yield* Effect.promise(() => writeFile(join(dir, "audit-rows-x.json"), "damaged"))
    const next = Effect.gen(function* () {
      const audit = yield* Audit
      audit.recordSoon(act("after"))
      yield* audit.flush
      return (yield* storedRows).map(({ target }) => target)
    }).pipe(Effect.provide(Layer.mergeAll(audited({ dir }), Logger.layer([]))))
    const targets = yield* next
    expect(targets).toHaveLength(601)
    expect([targets[0], targets[599], targets[600]]).toEqual(["before 0", "before 599", "after"])
    expect(yield* next).toHaveLength(602)
    expect(yield* files).toEqual([expect.stringMatching(/^audit-rows-x\.json\./)])
    expect(yield* Effect.provide(verified, audited({ dir }))).toMatchObject({ status: "intact", rows: 602 })
  })
)

itPostgres.live(
  "rows wait in memory while the database is unreachable, and those without room are counted",
  () =>
    Effect.gen(function* () {
      const { dir } = yield* sqlite
      const name = `manifold_test_${crypto.randomUUID().replaceAll("-", "")}`
      const storage = { dir, postgres_url: postgresUrl(name) }
      yield* Effect.gen(function* () {
        const audit = yield* Audit
        for (let index = 0; index < 103; index++) audit.recordSoon(act(`row ${index}`))
        expect(audit.isFull()).toBe(true)
        expect(yield* Effect.flip(audit.flush)).toMatchObject({ _tag: "DatabaseError" })
        expect(audit.isFull()).toBe(true)
        yield* Effect.acquireRelease(administer(`CREATE DATABASE ${name}`), () => Effect.void)
        yield* audit.flush
        expect(audit.isFull()).toBe(false)
        const rows = yield* storedRows
        expect(rows.map(({ target }) => target)).toEqual([
          ...Array.from({ length: 100 }, (_, index) => `row ${index}`),
          ""
        ])
        expect(rows.at(-1)).toMatchObject({ action: "audit.lost", details: `{"rows":3}` })
        expect(yield* verified).toMatchObject({ status: "intact", rows: 101 })
      }).pipe(
        Effect.provide(Layer.mergeAll(audited(storage, { max_queued: 100 }), Logger.layer([]))),
        Effect.ensuring(administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
      )
    })
)
