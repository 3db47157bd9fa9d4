/** Certificates of the local CA: issued at once for each host, renewed, and shared by instances. */
import { describe, expect } from "bun:test"
import { X509Certificate } from "node:crypto"
import { Context, Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { CertificateStore } from "../../../../layers/edge/certificates/CertificateStore.ts"
import { Certificates } from "../../../../layers/edge/certificates/Certificates.ts"
import { LocalCa } from "../../../../layers/edge/certificates/LocalCa.ts"
import { ServedCertificates } from "../../../../layers/edge/certificates/ServedCertificates.ts"
import { Domains } from "../../../../layers/edge/Domains.ts"
import { Sql } from "../../../../layers/storage/Sql.ts"
import { administration, instance } from "../../../support/certificates.ts"
import { onEachDatabase, sqlite } from "../../../support/databases.ts"
import { it } from "../../../support/effect.ts"

const edge = { domains: ["b.example.com", "a.example.com"] }
const namesOf = ({ names }: { readonly names: ReadonlyArray<string> }) => names.join(" ")

const now = TestClock.setTime(Date.parse("2026-11-01"))
const list = Effect.map(
  Effect.flatMap(Certificates, (certificates) => certificates.list({ limit: 100 })),
  ({ certificates }) => certificates
)

/** The set after the next change. */
const changed = (services: Context.Context<ServedCertificates>) =>
  Effect.forkChild(
    Context.get(services, ServedCertificates).changes.pipe(Stream.drop(1), Stream.take(1), Stream.runHead),
    { startImmediately: true }
  )

onEachDatabase("The certificates of the local CA", (database) => {
  // On the real clock: on SQLite one of the two waits for the other.
  it.live("are issued once for two instances, by one root that clients can trust", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const [one, two] = yield* Effect.all(
        [Layer.build(instance(storage, edge)), Layer.build(instance(storage, edge))],
        {
          concurrency: 2
        }
      )
      const set = Context.get(one, ServedCertificates).current()
      expect(set.named.map(({ serverName }) => serverName)).toEqual(["a.example.com", "b.example.com"])
      const { certificate } = yield* Context.get(one, LocalCa).root
      expect((yield* Context.get(two, LocalCa).root).certificate).toBe(certificate)

      const root = new X509Certificate(certificate)
      expect([root.ca, root.verify(root.publicKey)]).toEqual([true, true])
      for (const { cert, key } of [set.fallback, ...set.named]) {
        const leaf = new X509Certificate(cert)
        expect(leaf.checkIssued(root) && leaf.verify(root.publicKey)).toBe(true)
        expect(key).toContain("PRIVATE KEY")
      }
      expect(new X509Certificate(set.named[0]?.cert ?? "").checkHost("a.example.com")).toBe("a.example.com")
      expect(new X509Certificate(set.fallback.cert).checkIP("127.0.0.1")).toBe("127.0.0.1")

      const listed = yield* Effect.provideContext(list, two)
      expect(listed.map(namesOf)).toEqual(["a.example.com", "b.example.com", "localhost 127.0.0.1 ::1"])
      expect(listed[0]).toMatchObject({
        source: "local_ca",
        state: "active",
        hosts: ["a.example.com"],
        days_left: 90,
        next_action: "renew",
        created_by: "manifold"
      })
      const days = (Date.parse(listed[0]?.next_action_at ?? "") - Date.now()) / 86_400_000
      expect(Math.round(days)).toBe(60)
    })
  )

  it.effect("have encrypted keys in the database, which another key file does not open", () =>
    Effect.gen(function* () {
      const storage = yield* database
      yield* now
      const one = yield* Layer.build(instance(storage, edge))
      const { key } = Context.get(one, ServedCertificates).current().fallback
      const rows = yield* Context.get(one, Sql).read(
        (sql) => sql<{ readonly sealed_key: string }>`SELECT sealed_key FROM edge_certificates`
      )
      expect(rows.length).toBe(3)
      for (const { sealed_key } of rows) {
        expect(Buffer.from(sealed_key, "base64").includes(key.slice(40, 80))).toBe(false)
      }
      if (!("postgres_url" in storage)) return
      const { dir } = yield* sqlite
      const other = yield* Layer.build(administration({ ...storage, dir }))
      const error = yield* Effect.flip(Context.get(other, CertificateStore).all)
      expect(error.message).toContain("keys/certificates")
    })
  )
})

describe("ServedCertificates", () => {
  it.effect("issues a certificate at once when a host is published, and stops serving it with its host", () =>
    Effect.gen(function* () {
      yield* now
      const services = yield* Layer.build(instance(yield* sqlite, edge))
      const { publish } = Context.get(services, Domains)
      const first = yield* changed(services)
      yield* publish(() => ["*.apps.example.com"])
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(first)
      const { current } = Context.get(services, ServedCertificates)
      expect(current().named.map(({ serverName }) => serverName)).toContain("*.apps.example.com")

      const second = yield* changed(services)
      yield* publish(() => [])
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(second)
      expect(current().named.map(({ serverName }) => serverName)).toEqual(["a.example.com", "b.example.com"])
      const unused = (yield* Effect.provideContext(list, services)).find(({ hosts }) => hosts.length === 0)
      expect(unused).toMatchObject({ names: ["*.apps.example.com"], next_action: "none" })
    })
  )

  it.effect("renews at two thirds of the lifetime, and removes the certificates that it replaced", () =>
    Effect.gen(function* () {
      yield* now
      const short = { ...edge, certificates: { local_ca: { lifetime: "1 hour" } } }
      const services = yield* Layer.build(instance(yield* sqlite, short))
      const before = Context.get(services, ServedCertificates).current()
      const renewed = yield* changed(services)
      yield* TestClock.adjust("39 minutes")
      expect(Context.get(services, ServedCertificates).current() === before).toBe(true)
      yield* TestClock.adjust("2 minutes")
      yield* Fiber.join(renewed)
      const listed = yield* Effect.provideContext(list, services)
      expect(listed.map(namesOf)).toEqual(["a.example.com", "b.example.com", "localhost 127.0.0.1 ::1"])
      expect(listed.every(({ days_left }) => (days_left ?? 1) >= 0)).toBe(true)
    })
  )

  it.effect("serves no more hosts than the limit", () =>
    Effect.gen(function* () {
      yield* now
      const limited = { ...edge, certificates: { max_hosts: 1 } }
      const services = yield* Layer.build(instance(yield* sqlite, limited))
      const { named } = Context.get(services, ServedCertificates).current()
      expect(named.map(({ serverName }) => serverName)).toEqual(["a.example.com"])
    })
  )
})
