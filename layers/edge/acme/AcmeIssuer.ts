/** Issues and renews certificates by ACME while the layer is alive: each host by one instance, with back-off after failures. */
import { Clock, Effect, FileSystem, Layer, Queue, Semaphore, Stream } from "effect"
import { Audit } from "../../audit/Audit.ts"
import { program } from "../../audit/AuditEntry.ts"
import { ConfigSource } from "../../config/ConfigSource.ts"
import { Outbound } from "../../outbound/Outbound.ts"
import { Dns } from "../../platform/Dns.ts"
import { Sql } from "../../storage/Sql.ts"
import { isoOf } from "../certificates/Certificate.ts"
import * as rows from "../certificates/acmeRows.ts"
import { everyHost } from "../certificates/acmeRows.ts"
import * as lease from "../certificates/lease.ts"
import { type AcmeSettings, directoryUrl } from "../certificates/section.ts"
import { Domains } from "../Domains.ts"
import { section } from "../section.ts"
import type { AcmeClient } from "./AcmeClient.ts"
import { AcmeError } from "./AcmeError.ts"
import { delayAfter } from "./attempts.ts"
import { dueHosts, isStillDue } from "./dueHosts.ts"

/** Interval between two looks for hosts that are due. */
const interval = "15 seconds"
/** Hosts whose requests to the CA are sent at the same time. */
const concurrency = 4
/** Hosts that have an order at the same time. Most of them wait for the CA, which may take minutes to validate one. */
const mostOrders = 64
/** Longest response of a CA, in bytes. */
const maxResponse = 1024 * 1024

/** Rate limits in one batch of hosts after which all hosts wait: one may be a limit of its host, two are of the account. */
const mostLimited = 2

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const config = yield* ConfigSource
    const sql = yield* Sql
    const audit = yield* Audit
    const domains = yield* Domains
    const fs = yield* FileSystem.FileSystem
    const scope = yield* Effect.scope
    const registrar = yield* lease.make("acme")
    const slots = yield* Semaphore.make(concurrency)
    const orders = yield* Semaphore.make(mostOrders)
    /** Hosts of batches that have not ended. */
    const inProgress = new Set<string>()
    /** Other hosts use the slot in the meantime. */
    const pause = (millis: number) =>
      Effect.acquireUseRelease(
        slots.release(1),
        () => Effect.sleep(millis),
        () => slots.take(1)
      )
    const settings = Effect.map(config.read(section), ({ certificates }) => certificates.acme)

    const recordFailure = Effect.fnUntraced(function* (host: string, directory: string, error: AcmeError) {
      const now = yield* Clock.currentTimeMillis
      const before = yield* sql.read((client) => rows.findOrder(client, host))
      const attempts = (before?.directory === directory ? before.attempts : 0) + 1
      const next = now + (yield* delayAfter(attempts, error))
      // An order that the CA has rejected is not continued.
      const keptOrder = error.isTransient && before?.directory === directory ? before : undefined
      yield* sql.write((client) =>
        Effect.gen(function* () {
          yield* rows.saveOrder(client, {
            host,
            directory,
            order_url: keptOrder?.order_url ?? null,
            sealed_key: keptOrder?.sealed_key ?? null,
            attempts,
            last_error: error.message,
            next_at: next,
            updated_at: now
          })
          yield* audit.record(client, {
            actor: program,
            action: "certificate.issue",
            target: host,
            outcome: "failed",
            details: {
              source: "acme",
              directory,
              reason: error.reason,
              error: error.message,
              next_attempt: isoOf(next)
            }
          })
        })
      )
      yield* Effect.logWarning(`no certificate for ${host} by ACME: ${error.message}`).pipe(
        Effect.annotateLogs({ host, attempts, next_attempt: isoOf(next) })
      )
    })

    const outbound = Effect.fnUntraced(function* ({ ca_file }: AcmeSettings) {
      const ca =
        ca_file === undefined
          ? undefined
          : yield* fs.readFileString(ca_file).pipe(
              Effect.mapError(
                ({ message }) =>
                  new AcmeError({
                    reason: "unreachable",
                    message: `edge.certificates.acme.ca_file cannot be read: ${message}`
                  })
              )
            )
      const client = Outbound.layerWith(ca === undefined ? {} : { ca }).pipe(
        Layer.provide(Dns.layer),
        Layer.provide(Layer.succeed(ConfigSource, config))
      )
      return yield* Outbound.use(({ configuredFetch }) => configuredFetch(maxResponse)).pipe(
        Effect.provide(client)
      )
    })

    /** Removes the failure of the account, and orders of hosts that are no longer served. */
    const forgetFailures = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* sql.write((client) =>
        Effect.gen(function* () {
          yield* rows.removeOldOrders(client, now)
          if ((yield* rows.findOrder(client, everyHost)) !== undefined)
            yield* rows.removeOrder(client, everyHost)
        })
      )
    })

    /** The contact that each CA was given by this process. */
    const contacts = new Map<string, string | undefined>()

    /** `acme.email` may have changed since the account was registered. A CA that refuses it still issues certificates. */
    const updateContact = Effect.fnUntraced(
      function* ({ setContact }: AcmeClient, { email }: AcmeSettings, directory: string) {
        if (contacts.has(directory) && contacts.get(directory) === email) return
        yield* setContact(email)
        contacts.set(directory, email)
      },
      Effect.catchTag("AcmeError", ({ message }) =>
        Effect.logWarning(`the CA did not accept edge.certificates.acme.email: ${message}`)
      )
    )

    /** The client of the account, which one instance registers; `undefined` while another one does. */
    const openAccount = Effect.fnUntraced(function* (acme: AcmeSettings, directory: string) {
      // The ACME library is loaded when a host is due.
      const account = yield* Effect.promise(() => import("./account.ts"))
      const fetch = yield* outbound(acme)
      const open = account.openAccount(acme, fetch)
      const isRegistered = (yield* sql.read((client) => rows.findAccount(client, directory))) !== undefined
      const isOpen = isRegistered || (yield* registrar.run(Effect.scoped(Effect.asVoid(open))))
      return isOpen ? yield* open : undefined
    })

    /** Issues for hosts that are due. A rate limit of the account defers the rest. */
    const issueAll = Effect.fnUntraced(function* (due: ReadonlyArray<string>, acme: AcmeSettings) {
      const directory = directoryUrl(acme)
      const client = yield* openAccount(acme, directory)
      if (client === undefined) return
      const { make } = yield* Effect.promise(() => import("./issueCertificate.ts"))
      yield* forgetFailures
      yield* updateContact(client, acme, directory)
      const issue = yield* make(client, directory, pause)
      let limited = 0
      const one = Effect.fnUntraced(
        function* (host: string) {
          if (limited >= mostLimited || !(yield* isStillDue(host, directory))) return
          const { notAfter } = yield* issue(host)
          yield* Effect.logInfo("certificate issued").pipe(
            Effect.annotateLogs({ host, expires_at: isoOf(notAfter) })
          )
        },
        (self, host) =>
          Effect.catchTag(self, "AcmeError", (error) =>
            Effect.gen(function* () {
              const isLast = error.reason === "rate_limited" && ++limited === mostLimited
              yield* recordFailure(host, directory, error)
              // It is registered again at the next attempt.
              if (error.type === "accountDoesNotExist")
                yield* sql.write((connection) => rows.removeAccount(connection, directory))
              if (isLast) yield* recordFailure(everyHost, directory, error)
            })
          )
      )
      const alone = Effect.fnUntraced(
        function* (host: string) {
          yield* (yield* lease.make(`acme ${host}`)).run(one(host))
        },
        (self, host) =>
          orders
            .withPermit(slots.withPermit(self))
            .pipe(Effect.ensuring(Effect.sync(() => inProgress.delete(host))))
      )
      yield* Effect.forEach(due, alone, { concurrency: mostOrders, discard: true })
    }, Effect.scoped)

    const batch = (due: ReadonlyArray<string>, acme: AcmeSettings) =>
      issueAll(due, acme).pipe(
        // The account failed, and with it every host.
        Effect.catchTag("AcmeError", (error) => recordFailure(everyHost, directoryUrl(acme), error)),
        Effect.catch((error) => Effect.logError(`certificates are not issued by ACME: ${error.message}`)),
        Effect.catchDefect((defect) => Effect.logError("issuing certificates by ACME failed", defect)),
        Effect.ensuring(Effect.sync(() => due.forEach((host) => inProgress.delete(host))))
      )

    /** Begins with the hosts that are due, and does not wait for those of earlier batches. */
    const pass = Effect.gen(function* () {
      const acme = yield* settings
      if (acme === undefined) return
      const due = (yield* dueHosts(directoryUrl(acme))).filter((host) => !inProgress.has(host))
      if (due.length === 0) return
      for (const host of due) inProgress.add(host)
      yield* Effect.forkIn(batch(due, acme), scope)
    }).pipe(
      Effect.catch((error) => Effect.logError(`certificates are not issued by ACME: ${error.message}`)),
      Effect.catchDefect((defect) => Effect.logError("issuing certificates by ACME failed", defect))
    )

    const due = yield* Queue.sliding<void>(1)
    yield* Effect.forkScoped(Stream.runForEach(domains.changes, () => Queue.offer(due, undefined)))
    const step = Queue.take(due).pipe(
      Effect.timeoutOrElse({ duration: interval, orElse: () => Effect.void }),
      Effect.andThen(pass)
    )
    yield* Effect.forkScoped(Effect.forever(step))
  })
)
