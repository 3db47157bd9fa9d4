/** The table of published applications: changes and their undoing, conflicts, the audit log, and followers. */
import { expect } from "bun:test"
import { Context, Effect, Layer } from "effect"
import { ProxyTable } from "../../../layers/edge/ProxyTable.ts"
import { Audit } from "../../../layers/audit/Audit.ts"
import { storedRows } from "../../support/audit.ts"
import { onEachDatabase } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { administrator, change, publish, refusal, tableOf } from "../../support/proxies.ts"

const target_url = "http://localhost:3000"
const app = { hostname: "app.example.com", target_url }

const hosts = Effect.gen(function* () {
  const { proxies } = yield* (yield* ProxyTable).list({ limit: 100 })
  return proxies.map((each) => `${each.hostname} ${each.target_url}`)
})

onEachDatabase("ProxyTable", (database) => {
  it.live("keeps an application with its options, and lists page by page", () =>
    Effect.gen(function* () {
      const made = yield* publish({
        ...app,
        hostname: "APP.example.com.",
        protect: "mcp:read",
        set_headers: { "x-team": "blue" },
        remove_headers: ["cookie"],
        preserve_host: false,
        websocket: false,
        response_timeout: 5,
        idle_timeout: 10,
        max_body_bytes: 1000,
        max_requests: 10
      })
      expect(made).toMatchObject({
        hostname: "app.example.com",
        target_url,
        protect: "read",
        set_headers: { "x-team": "blue" },
        revision: 1,
        created_by: "operator",
        updated_by: "operator"
      })
      yield* publish({ ...app, hostname: "*.example.com" })
      yield* publish({ ...app, hostname: "b.example.com" })
      const table = yield* ProxyTable
      const first = yield* table.list({ limit: 2 })
      expect(first).toMatchObject({
        proxies: [{ hostname: "*.example.com" }, { hostname: "app.example.com", max_requests: 10 }],
        total: 3,
        next: "app.example.com"
      })
      expect(yield* table.list({ limit: 2, cursor: first.next })).toMatchObject({
        proxies: [{ hostname: "b.example.com" }],
        next: undefined
      })
    }).pipe(Effect.provide(Layer.unwrap(Effect.map(database, (storage) => tableOf(storage)))))
  )

  it.live("undoes changes one after the other, the last one first", () =>
    Effect.gen(function* () {
      const { remove, undo } = yield* ProxyTable
      yield* publish(app)
      yield* publish({ ...app, hostname: "b.example.com" })
      yield* change({ ...app, target_url: "http://localhost:4000", protect: "read" })
      yield* remove({ hostname: "app.example.com" }, "operator")
      expect(yield* hosts).toEqual([`b.example.com ${target_url}`])

      expect(yield* undo({}, "operator")).toMatchObject({
        hostname: "app.example.com",
        undone: 4,
        proxy: { target_url: "http://localhost:4000", protect: "read", revision: 5, created_by: "operator" }
      })
      expect(yield* refusal(undo({ revision: 4 }, "operator"))).toStartWith(
        "conflict: The last change is revision 3"
      )
      yield* undo({ revision: 3 }, "operator")
      expect(yield* hosts).toEqual([`app.example.com ${target_url}`, `b.example.com ${target_url}`])
      // A change after an undo is the next to be undone.
      yield* change({ ...app, target_url: "http://localhost:5000" })
      expect((yield* undo({}, "operator")).undone).toBe(7)
      expect((yield* undo({}, "operator")).proxy).toBeNull()
      expect((yield* undo({}, "operator")).hostname).toBe("app.example.com")
      expect(yield* hosts).toEqual([])
      expect(yield* refusal(undo({}, "operator"))).toStartWith("nothing_to_undo")
    }).pipe(Effect.provide(Layer.unwrap(Effect.map(database, (storage) => tableOf(storage)))))
  )

  it.live(
    "of two administrators who change an application at once, one gets a conflict that names the other",
    () =>
      Effect.gen(function* () {
        const storage = yield* database
        const [one, two] = [yield* Layer.build(tableOf(storage)), yield* Layer.build(tableOf(storage))]
        const { revision } = yield* Effect.provideContext(publish(app), one)
        const attempt = (name: string, of: typeof one) =>
          Effect.provideContext(
            Effect.result(change({ ...app, target_url: `http://${name}:1`, revision }, administrator(name))),
            of
          )
        const results = yield* Effect.all([attempt("alice", one), attempt("bob", two)], { concurrency: 2 })
        const [winner, loser] = results[0]?._tag === "Success" ? ["alice", "bob"] : ["bob", "alice"]
        const failed = results.flatMap((each) => (each._tag === "Failure" ? [each.failure] : []))
        expect(failed).toMatchObject([{ reason: "conflict" }])
        expect(failed[0]?.message).toContain(
          `${winner} has changed app.example.com since revision ${revision}`
        )
        expect(yield* Effect.provideContext(hosts, two)).toEqual([`app.example.com http://${winner}:1`])

        const { create, remove } = Context.get(two, ProxyTable)
        expect(
          yield* refusal(remove({ hostname: app.hostname, revision }, administrator(loser ?? "")))
        ).toContain("conflict")
        expect(yield* refusal(create(app, administrator(loser ?? "")))).toContain(
          `taken: app.example.com is already published: ${winner} set it to http://${winner}:1 at `
        )
        // At the same time, each publishes the same name: the error of one says who was first.
        const both = yield* Effect.forEach(
          [one, two],
          (of) => Effect.provideContext(Effect.result(publish({ ...app, hostname: "new.example.com" })), of),
          { concurrency: 2 }
        )
        expect(both.filter(({ _tag }) => _tag === "Success")).toHaveLength(1)
      })
  )

  it.live(
    "each change is in the audit log with the state before and after, and refusals with their reason",
    () =>
      Effect.gen(function* () {
        const { remove, undo } = yield* ProxyTable
        yield* publish({ ...app, set_headers: { authorization: "Basic c2VjcmV0" } }, administrator("alice"))
        yield* change({ ...app, protect: "call" })
        yield* remove({ hostname: "app.example.com" }, "operator")
        yield* undo({}, "operator")
        yield* Effect.flip(publish(app))
        yield* (yield* Audit).flush
        const rows = yield* storedRows
        const shown = rows.map(({ action, details, outcome, subject, target }) => ({
          action,
          outcome,
          subject,
          target,
          details: JSON.parse(details) as unknown
        }))
        const before = { target_url, set_headers: ["authorization"] }
        const after = { target_url, protect: "call" }
        expect(shown).toEqual([
          {
            action: "proxy.create",
            outcome: "succeeded",
            subject: "alice",
            target: "app.example.com",
            details: { revision: 1, after: before }
          },
          {
            action: "proxy.update",
            outcome: "succeeded",
            subject: "operator",
            target: "app.example.com",
            details: { revision: 2, before, after }
          },
          {
            action: "proxy.delete",
            outcome: "succeeded",
            subject: "operator",
            target: "app.example.com",
            details: { revision: 3, before: after }
          },
          {
            action: "proxy.undo",
            outcome: "succeeded",
            subject: "operator",
            target: "app.example.com",
            details: { revision: 4, after, undoes: 3 }
          },
          {
            action: "proxy.create",
            outcome: "refused",
            subject: "operator",
            target: "app.example.com",
            details: { reason: "taken" }
          }
        ])
        expect(JSON.stringify(rows)).not.toContain("c2VjcmV0")
      }).pipe(Effect.provide(Layer.unwrap(Effect.map(database, (storage) => tableOf(storage)))))
  )

  it.live("followers get what changed since a revision, or everything", () =>
    Effect.gen(function* () {
      const { remove, since } = yield* ProxyTable
      expect(yield* since(-1)).toEqual({ revision: 0, all: true, rows: [], removed: [] })
      yield* publish(app)
      yield* publish({ ...app, hostname: "b.example.com" })
      yield* remove({ hostname: "app.example.com" }, "operator")
      expect(yield* since(0)).toMatchObject({
        revision: 3,
        all: false,
        rows: [{ hostname: "b.example.com" }],
        removed: ["app.example.com"]
      })
      expect(yield* since(3)).toEqual({ revision: 3, all: false, rows: [], removed: [] })
      // A database that was restored from a backup has lower revisions.
      expect(yield* since(100)).toMatchObject({
        revision: 3,
        all: true,
        rows: [{ hostname: "b.example.com" }]
      })
    }).pipe(Effect.provide(Layer.unwrap(Effect.map(database, (storage) => tableOf(storage)))))
  )
})
