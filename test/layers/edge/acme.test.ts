/** Certificates by ACME from pebble: issued, renewed, retried after each failure, and continued after a restart. */
import { expect } from "bun:test"
import { X509Certificate } from "node:crypto"
import { Context, Deferred, Effect, Exit, Layer, Logger, Queue, Schema, Scope, Stream } from "effect"
import * as AcmeIssuer from "../../../layers/edge/acme/AcmeIssuer.ts"
import type { Certificate } from "../../../layers/edge/certificates/Certificate.ts"
import { Certificates } from "../../../layers/edge/certificates/Certificates.ts"
import { ServedCertificates } from "../../../layers/edge/certificates/ServedCertificates.ts"
import { Domains } from "../../../layers/edge/Domains.ts"
import { EdgeListeners } from "../../../layers/edge/EdgeListeners.ts"
import { Routes } from "../../../layers/http/Routes.ts"
import { Sites } from "../../../layers/http/Sites.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { instance, make } from "../../support/certificates.ts"
import { databases, hasPostgres, sqlite, type StorageSettings } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { withJumps } from "../../support/jumpingClock.ts"
import { publish as publishApplication } from "../../support/proxies.ts"
import { describePebble, faulty, pebble, type Pebble, type Step } from "../../support/pebble.ts"

const common = { maxMessageBytes: 1000, allowedHosts: [], corsOrigins: [] }

interface Instance {
  readonly storage: StorageSettings
  readonly ca: Pebble
  readonly domains: ReadonlyArray<string>
  /** Further settings of `edge.certificates.acme`. */
  readonly settings?: Readonly<Record<string, unknown>>
}

/** A program that issues by this CA. */
const running = Effect.fnUntraced(function* ({ ca, domains, settings, storage }: Instance) {
  const lines = yield* Queue.unbounded<string>()
  const logger = Logger.make(({ message }) => void Queue.offerUnsafe(lines, String(message)))
  const account = { terms_agreed: true, email: "ops@example.com", ...settings }
  const acme = { directory: ca.directory, ca_file: ca.caFile, ...account }
  const edge = { domains, host: "127.0.0.1", https_port: 0, http_port: 0, certificates: { acme } }
  const services = yield* Layer.build(
    AcmeIssuer.layer.pipe(
      Layer.provideMerge(EdgeListeners.layer(common)),
      Layer.provideMerge(instance(storage, edge, logger)),
      Layer.provideMerge(Layer.merge(Routes.layer, Sites.layer))
    )
  )
  const { write } = Context.get(services, Sql)
  const list = Effect.map(Context.get(services, Certificates).list({ limit: 100 }), ({ certificates }) =>
    certificates.filter(({ names }) => !names.includes("localhost"))
  )
  const { chosen } = Context.get(services, ServedCertificates)
  return {
    services,
    http: Context.get(services, EdgeListeners).http ?? 0,
    list,
    /** The next line of the log that has the text. */
    logged: (text: string) => Effect.repeat(Queue.take(lines), { until: (line) => line.includes(text) }),
    chainOf: (host: string) => new X509Certificate(chosen().get(host)?.chain ?? ""),
    /** Lets the delay before the next attempt pass. */
    retry: Effect.andThen(
      write((sql) => sql`UPDATE edge_acme_orders SET next_at = 0`),
      Context.get(services, Domains).publish(() => [])
    )
  }
})

/** Waits until the host is served with a certificate of the CA, other than the one before. */
const served = (services: Context.Context<ServedCertificates>, host: string, before?: string) => {
  const { changes, chosen } = Context.get(services, ServedCertificates)
  const isServed = () => {
    const certificate = chosen().get(host)
    return certificate?.source === "acme" && certificate.id !== before
  }
  return Effect.map(
    Stream.runDrain(Stream.take(Stream.filter(changes, isServed), 1)),
    () => chosen().get(host)?.id
  )
}

const Jws = Schema.decodeUnknownSync(Schema.Struct({ payload: Schema.String }))

const rowsOf = (services: Context.Context<Sql>, table: string) =>
  Context.get(services, Sql).read((sql) => sql`SELECT * FROM ${sql(table)}`)

const Entry = Schema.Struct({ action: Schema.String, target: Schema.String, outcome: Schema.String })
const audited = (services: Context.Context<Sql>) =>
  Effect.map(
    Effect.flatMap(rowsOf(services, "audit_rows"), Schema.decodeUnknownEffect(Schema.Array(Entry))),
    (rows) => rows.map(({ action, outcome, target }) => `${action} ${target} ${outcome}`)
  )

const app = "app.example.com"
const appOf = (list: ReadonlyArray<Certificate>) => list.filter(({ names }) => names[0] === app)

for (const [kind, database] of Object.entries(databases)) {
  describePebble(`ACME on ${kind}`, () => {
    if (kind === "PostgreSQL" && !hasPostgres) return

    it.live("issues one certificate for each public host of two instances, from one of them", () =>
      Effect.gen(function* () {
        const storage = yield* database
        const { ca, count } = yield* faulty(yield* pebble())
        const options = { ca, storage, domains: [app, "www.example.com", "intranet.local"] }
        const [one, two] = yield* Effect.all([running(options), running(options)], { concurrency: 2 })
        yield* ca.forward(one.http, two.http)
        yield* Effect.forEach([one, two], ({ services }) =>
          Effect.all([served(services, app), served(services, "www.example.com")], { concurrency: 2 })
        )
        expect([count("order"), count("account")]).toEqual([2, 1])
        expect(one.chainOf(app).fingerprint256).toBe(two.chainOf(app).fingerprint256)

        const listed = yield* one.list
        expect(listed.map(({ names, source, state }) => `${names.join()} ${source} ${state}`)).toEqual([
          "app.example.com acme active",
          "intranet.local local_ca active",
          "www.example.com acme active"
        ])
        const [first] = listed
        expect(first).toMatchObject({
          hosts: [app],
          next_action: "renew",
          created_by: ca.directory,
          last_error: null
        })
        const lifetime = Date.parse(first?.expires_at ?? "") - Date.parse(first?.not_before ?? "")
        const share =
          (Date.parse(first?.next_action_at ?? "") - Date.parse(first?.not_before ?? "")) / lifetime
        expect(share > 0.61 && share <= 0.667).toBe(true)

        expect(yield* rowsOf(one.services, "edge_acme_orders")).toEqual([])
        expect(yield* rowsOf(one.services, "edge_acme_challenges")).toEqual([])
        const issued = (yield* audited(one.services)).filter((entry) => entry.includes(app))
        expect(issued).toEqual(Array.from({ length: 2 }, () => `certificate.issue ${app} succeeded`))
      })
    )

    for (const step of ["order", "authorization", "challenge", "finalize", "certificate"] as const) {
      it.live(`continues after a process that ended at the step ${step}`, () =>
        Effect.gen(function* () {
          const storage = yield* database
          const { ca, break: breakStep, count, mend } = yield* faulty(yield* pebble())
          const reached = yield* Deferred.make<void>()
          yield* breakStep(step, () => {
            Deferred.doneUnsafe(reached, Effect.void)
            return new Promise<Response>(() => {})
          })
          const scope = yield* Scope.make()
          const first = yield* Scope.provide(running({ ca, storage, domains: [app] }), scope)
          yield* ca.forward(first.http)
          yield* Deferred.await(reached)
          const states = appOf(yield* first.list).map(({ state }) => state)
          expect(states).toEqual(step === "order" ? ["active"] : ["pending", "active"])
          yield* Scope.close(scope, Exit.void)

          yield* mend
          const second = yield* running({ ca, storage, domains: [app] })
          yield* ca.forward(second.http)
          yield* served(second.services, app)
          const counted = (["order", "account", "challenge", "finalize"] as const).map(count)
          expect(counted).toEqual([1, 1, 1, 1])
          expect(yield* rowsOf(second.services, "edge_acme_orders")).toEqual([])
          expect(yield* rowsOf(second.services, "edge_acme_challenges")).toEqual([])
          expect(yield* rowsOf(second.services, "edge_leases")).toEqual([])
        })
      )
    }
  })
}

/** The CA accepts the challenges, and does not begin with the validation. `reached` once it has accepted `challenges`. */
const neverValidated = (challenges: number, reached: Deferred.Deferred<void>) => {
  let accepted = 0
  return ({ url }: Request) => {
    if (++accepted === challenges) Deferred.doneUnsafe(reached, Effect.void)
    return Response.json({ type: "http-01", url, status: "processing", token: "t" })
  }
}

const problem =
  (status: number, type: string, headers: Readonly<Record<string, string>> = {}) =>
  () =>
    Response.json(
      { type: `urn:ietf:params:acme:error:${type}`, detail: `${type} of the test`, status },
      { status, headers: { ...headers, "content-type": "application/problem+json" } }
    )

describePebble("ACME", () => {
  it.live("is served with a chain that clients of the CA trust", () =>
    Effect.gen(function* () {
      const ca = yield* pebble()
      const { chainOf, http, services } = yield* running({ ca, storage: yield* sqlite, domains: [app] })
      yield* ca.forward(http)
      yield* served(services, app)
      const root = yield* ca.root
      const port = Context.get(services, EdgeListeners).https
      yield* Context.get(services, Routes).add({ paths: ["/"], fetch: () => new Response("here") })
      const reach = () =>
        fetch(`https://localhost:${port}/`, {
          headers: { host: app },
          tls: { ca: root, serverName: app },
          keepalive: false
        })
      const response = yield* Effect.retry(Effect.tryPromise(reach), { times: 100 })
      expect(response.status).toBe(421)
      expect(chainOf(app).issuer).toContain("Pebble")
    })
  )

  it.live(
    "keeps the certificate of the local CA after a failure of each step, and issues once it is mended",
    () =>
      Effect.gen(function* () {
        const { break: breakStep, ca, mend } = yield* faulty(yield* pebble())
        const { http, list, logged, retry, services } = yield* running({
          ca,
          storage: yield* sqlite,
          domains: []
        })
        yield* ca.forward(http)
        const other = yield* make({ names: ["other.example.com"] })
        const wrong = () =>
          new Response(other.cert, { headers: { "content-type": "application/pem-certificate-chain" } })
        const faults: ReadonlyArray<readonly [Step, () => Response, string]> = [
          ["directory", () => new Response("down", { status: 503 }), "status 503"],
          ["nonce", problem(500, "serverInternal"), "status 500"],
          ["account", problem(403, "unauthorized"), "unauthorized of the test"],
          ["order", problem(400, "rejectedIdentifier"), "rejectedIdentifier of the test"],
          ["authorization", () => Response.json({ status: "pending" }), "unexpected response"],
          ["challenge", problem(400, "malformed"), "malformed of the test"],
          ["finalize", problem(403, "badCSR"), "badCSR of the test"],
          ["certificate", wrong, "cannot be used"],
          ["certificate", () => new Response("no PEM"), "cannot be used"]
        ]
        const { publish } = Context.get(services, Domains)
        for (const [index, [step, respond, message]] of faults.entries()) {
          const host = `h${index}.example.com`
          yield* breakStep(step, respond)
          // Lists have the hosts of the table.
          const application = publishApplication({ hostname: host, target_url: "http://127.0.0.1:1" })
          yield* Effect.provideContext(application, services)
          yield* publish(() => [host])
          expect(yield* logged("no certificate for")).toContain(message)
          const failed = (yield* list).find(
            ({ last_error, names }) =>
              last_error?.includes(message) === true && ["*", host].includes(names[0] ?? "")
          )
          expect(failed).toMatchObject({ state: "failed", source: "acme", next_action: "retry" })
          const delay = Date.parse(failed?.next_action_at ?? "") - Date.now()
          expect(delay > 9 * 60_000).toBe(true)
          yield* mend
          yield* retry
        }
        yield* publish(() => faults.map((_, index) => `h${index}.example.com`))
        yield* Effect.forEach(faults, () => logged("certificate issued"))
        const issued = (yield* list).filter(({ source, state }) => source === "acme" && state === "active")
        expect(issued).toHaveLength(faults.length)
      })
  )

  it.live("waits as long as a rate limit says, and tries no other host after two of them", () =>
    Effect.gen(function* () {
      const { ca, break: breakStep, count } = yield* faulty(yield* pebble())
      yield* breakStep("order", problem(429, "rateLimited", { "retry-after": "7200" }))
      const hosts = Array.from({ length: 20 }, (_, index) => `h${index}.example.com`)
      const { list, logged, services } = yield* running({ ca, storage: yield* sqlite, domains: hosts })
      yield* logged("no certificate for *")
      const failed = (yield* list).filter(({ state }) => state === "failed")
      expect(failed.map(({ names }) => names[0])).toContain("*")
      for (const { last_error, next_action_at } of failed) {
        expect(last_error).toBe("rateLimited of the test")
        const delay = Date.parse(next_action_at ?? "") - Date.now()
        expect(delay > 7_190_000 && delay <= 7_920_000).toBe(true)
      }
      yield* Context.get(services, Domains).publish(() => ["more.example.com"])
      yield* logged("certificates replaced")
      const tried = (yield* rowsOf(services, "edge_acme_orders")).length
      expect([count("order") < 9, tried < 10]).toEqual([true, true])
      expect((yield* list).filter(({ names }) => names[0] === "more.example.com")).toHaveLength(1)
    })
  )

  it.live("issues for other hosts while the CA takes minutes to validate some", () =>
    Effect.gen(function* () {
      const { ca, break: breakStep, mend } = yield* faulty(yield* pebble())
      const slow = Array.from({ length: 6 }, (_, index) => `slow-${index}.example.com`)
      const validating = yield* Deferred.make<void>()
      yield* breakStep("challenge", neverValidated(slow.length, validating))
      const storage = yield* sqlite
      const { http, list, services } = yield* running({ ca, storage, domains: slow })
      yield* ca.forward(http)
      yield* Deferred.await(validating)
      yield* mend
      const application = publishApplication({ hostname: app, target_url: "http://127.0.0.1:1" })
      yield* Effect.provideContext(application, services)
      yield* Context.get(services, Domains).publish(() => [app])
      yield* served(services, app)
      const states = (yield* list).filter(({ source }) => source === "acme").map(({ state }) => state)
      expect(states.toSorted()).toEqual(["active", ...slow.map(() => "pending" as const)])
    })
  )

  it.live("issues on each instance for hosts that only it serves, while another one waits for the CA", () =>
    Effect.gen(function* () {
      const { ca, break: breakStep, count, mend } = yield* faulty(yield* pebble())
      const validating = yield* Deferred.make<void>()
      yield* breakStep("challenge", neverValidated(1, validating))
      const storage = yield* sqlite
      const one = yield* running({ ca, storage, domains: ["slow.example.com"] })
      yield* Deferred.await(validating)
      yield* mend
      const two = yield* running({ ca, storage, domains: ["slow.example.com", app] })
      yield* ca.forward(one.http, two.http)
      yield* served(two.services, app)
      const counted = (["order", "account", "challenge"] as const).map(count)
      expect(counted).toEqual([2, 1, 2])
    })
  )

  it.live("backs off from a host that the CA cannot reach, and names the reason", () =>
    Effect.gen(function* () {
      const ca = yield* pebble()
      yield* ca.forward()
      const { list, logged, services } = yield* running({ ca, storage: yield* sqlite, domains: [app] })
      yield* logged("no certificate for")
      const retried = yield* Context.get(services, Certificates).retry(app, "operator")
      expect(retried.last_error).toContain("/.well-known/acme-challenge/")
      yield* Context.get(services, Domains).publish(() => [])
      yield* logged("no certificate for")
      const [local, failed] = appOf(yield* list).toSorted((a, b) => (a.state < b.state ? -1 : 1))
      expect(local).toMatchObject({ source: "local_ca", state: "active", hosts: [app] })
      expect(failed).toMatchObject({ id: null, source: "acme", state: "failed" })
      expect(failed?.last_error).toContain("/.well-known/acme-challenge/")
      const delay = Date.parse(failed?.next_action_at ?? "") - Date.now()
      expect(delay > 19 * 60_000 && delay <= 22 * 60_000).toBe(true)
      const failures = (yield* audited(services)).filter((entry) => entry.endsWith("failed"))
      expect(failures).toEqual(Array.from({ length: 2 }, () => `certificate.issue ${app} failed`))
    })
  )

  it.live("binds the account to an external one where the CA requires it", () =>
    Effect.gen(function* () {
      const key = Buffer.from("a key of 32 bytes that the CA has").toString("base64url")
      const ca = yield* pebble({ "kid-1": key })
      const without = yield* running({ ca, storage: yield* sqlite, domains: [app] })
      expect(yield* without.logged("no certificate for *")).toContain("externalAccountBinding")
      const settings = { external_account: { key_id: "kid-1", hmac_key: key } }
      const { http, services } = yield* running({ ca, storage: yield* sqlite, domains: [app], settings })
      yield* ca.forward(http)
      yield* served(services, app)
    })
  )

  it.live("gives the CA the contact of the account again if the configuration has another one", () =>
    Effect.gen(function* () {
      const { ca, break: breakStep } = yield* faulty(yield* pebble())
      const storage = yield* sqlite
      const first = yield* running({ ca, storage, domains: [app] })
      yield* ca.forward(first.http)
      yield* served(first.services, app)
      const contacts: Array<unknown> = []
      yield* breakStep("contact", async (request) => {
        const { payload } = Jws(await request.clone().json())
        contacts.push(JSON.parse(Buffer.from(payload, "base64url").toString()))
        return undefined
      })
      const settings = { email: "security@example.com" }
      const second = yield* running({ ca, storage, domains: [app, "b.example.com"], settings })
      yield* ca.forward(first.http, second.http)
      yield* served(second.services, "b.example.com")
      expect(contacts.at(-1)).toEqual({ contact: ["mailto:security@example.com"] })
    })
  )

  it.live("renews at two thirds of the lifetime", () =>
    withJumps(
      Effect.fnUntraced(function* (jump) {
        const { ca } = yield* faulty(yield* pebble())
        const { http, list, services } = yield* running({ ca, storage: yield* sqlite, domains: [app] })
        yield* ca.forward(http)
        const before = yield* served(services, app)
        const [first] = appOf(yield* list)
        yield* jump(Date.parse(first?.next_action_at ?? "") - Date.now() + 1000, "forward")
        yield* Context.get(services, Domains).publish(() => [])
        const renewed = yield* served(services, app, before)
        expect(renewed).not.toBe(before)
        expect(appOf(yield* list).map(({ id }) => id)).toEqual([renewed ?? ""])
      })
    )
  )
})
