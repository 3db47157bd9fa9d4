/** Uploaded certificates: checked, served at once, preferred to others, replaced and removed, with rows in the audit log. */
import { describe, expect } from "bun:test"
import { Context, Effect, Fiber, Layer, Schema, Stream } from "effect"
import { Audit } from "../../../../layers/audit/Audit.ts"
import { Certificates } from "../../../../layers/edge/certificates/Certificates.ts"
import { ServedCertificates } from "../../../../layers/edge/certificates/ServedCertificates.ts"
import { Sql } from "../../../../layers/storage/Sql.ts"
import { possible } from "../../../support/certificate.ts"
import { administration, instance, leaf, make, type Made } from "../../../support/certificates.ts"
import { onEachDatabase, sqlite } from "../../../support/databases.ts"
import { it } from "../../../support/effect.ts"
import { withJumps } from "../../../support/jumpingClock.ts"

const edge = { domains: ["a.example.com", "b.example.com"] }
const uploadOf = ({ cert, key }: Made) => ({ certificate: cert, private_key: key })

const Entry = Schema.Struct({ action: Schema.String, target: Schema.String, outcome: Schema.String })
const audited = Effect.gen(function* () {
  yield* (yield* Audit).flush
  const rows = yield* (yield* Sql).read((sql) => sql`SELECT * FROM audit_rows ORDER BY id`)
  const found = yield* Schema.decodeUnknownEffect(Schema.Array(Entry))(rows)
  return found.map(({ action, outcome, target }) => `${action} ${target} ${outcome}`)
})

/** The set of certificates after the next change. */
const changed = (services: Context.Context<ServedCertificates>) =>
  Effect.forkChild(
    Context.get(services, ServedCertificates).changes.pipe(Stream.drop(1), Stream.take(1), Stream.runDrain),
    { startImmediately: true }
  )

onEachDatabase("An uploaded certificate", (database) => {
  if (!possible) return

  it.live("is served by all instances instead of that of the local CA, until it is removed", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const running = yield* Layer.build(instance(storage, edge))
      const { chosen } = Context.get(running, ServedCertificates)
      const made = yield* make({ names: ["*.example.com"] })

      // By another program, as `manifold certificate add` is.
      yield* Effect.gen(function* () {
        const { add, list, remove } = yield* Certificates
        const first = yield* changed(running)
        const added = yield* add(uploadOf(made), "operator")
        expect(added).toMatchObject({
          names: ["*.example.com"],
          source: "uploaded",
          state: "expiring",
          hosts: ["a.example.com", "b.example.com"],
          next_action: "replace",
          created_by: "operator"
        })
        yield* Fiber.join(first)
        expect(chosen().get("a.example.com")?.id).toBe(added.id ?? "")

        const second = yield* changed(running)
        const again = yield* add(uploadOf(yield* make({ names: ["*.example.com"], days: 90 })), "operator")
        expect([again.state, again.next_action]).toEqual(["active", "none"])
        yield* Fiber.join(second)
        const uploaded = (yield* list({ limit: 100 })).certificates.filter(
          ({ source }) => source === "uploaded"
        )
        expect(uploaded.map(({ id }) => id)).toEqual([again.id])

        const third = yield* changed(running)
        const id = again.id ?? ""
        expect(yield* remove(id, "operator")).toEqual({ id, names: ["*.example.com"] })
        yield* Fiber.join(third)
        expect(chosen().get("a.example.com")?.source).toBe("local_ca")
        expect((yield* Effect.flip(remove(id, "operator"))).message).toContain("No uploaded certificate")
        const rows = (yield* audited).filter((row) => /upload|remove/.test(row))
        expect(rows).toEqual([
          "certificate.upload *.example.com succeeded",
          "certificate.upload *.example.com succeeded",
          "certificate.remove *.example.com succeeded",
          `certificate.remove ${id} refused`
        ])
      }).pipe(Effect.provide(administration(storage, edge)))
    })
  )
})

describe.skipIf(!possible)("Certificates", () => {
  it.live("rejects an unusable upload with its reason, and stores nothing", () =>
    Effect.gen(function* () {
      const authority = yield* make({
        names: ["root.example"],
        extensions: ["keyUsage=critical,keyCertSign"]
      })
      const good = yield* make({ names: ["a.example.com"], extensions: leaf })
      const { add, list } = yield* Certificates
      const rejected = (upload: Partial<Made>) =>
        Effect.map(Effect.flip(add(uploadOf({ ...good, ...upload }), "operator")), ({ message }) => message)
      expect(yield* rejected({ cert: "garbage" })).toContain("There is no certificate")
      expect(yield* rejected({ key: "garbage" })).toContain("There is no private key")
      expect(yield* rejected({ key: authority.key })).toContain("does not match")
      expect(yield* rejected({ cert: good.cert + authority.cert })).toContain("is not issued by")
      expect((yield* list({ limit: 10 })).certificates).toEqual([])
      expect(yield* audited).toEqual(Array.from({ length: 4 }, () => "certificate.upload  refused"))

      const expired = yield* withJumps((jump) => Effect.andThen(jump("3 days", "forward"), rejected({})))
      expect(expired).toContain("expired on")
    }).pipe(Effect.provide(Layer.unwrap(Effect.map(sqlite, (storage) => administration(storage)))))
  )

  it.live("limits the number of uploads, and lists in pages", () =>
    Effect.gen(function* () {
      const { add, list } = yield* Certificates
      for (const name of ["a.example.com", "b.example.com"])
        yield* add(uploadOf(yield* make({ names: [name] })), "operator")
      const error = yield* Effect.flip(add(uploadOf(yield* make({ names: ["c.example.com"] })), "operator"))
      expect(error).toMatchObject({ _tag: "CertificateError", reason: "too_many" })
      const first = yield* list({ limit: 1 })
      const second = yield* list({ limit: 1, cursor: first.cursor })
      expect([first, second].map(({ certificates }) => certificates.map(({ names }) => names[0]))).toEqual([
        ["a.example.com"],
        ["b.example.com"]
      ])
      expect(second.cursor).toBeUndefined()
    }).pipe(
      Effect.provide(
        Layer.unwrap(
          Effect.map(sqlite, (storage) => administration(storage, { certificates: { max_uploaded: 2 } }))
        )
      )
    )
  )

  it.live("does not remove a certificate that would be issued again", () =>
    Effect.gen(function* () {
      const services = yield* Layer.build(instance(yield* sqlite, edge))
      const { list, remove } = Context.get(services, Certificates)
      const [first] = (yield* list({ limit: 1 })).certificates
      const error = yield* Effect.flip(remove(first?.id ?? "", "operator"))
      expect(error).toMatchObject({ reason: "invalid" })
    })
  )
})
