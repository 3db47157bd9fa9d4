/** Certificates in the database, shared by instances; private keys are encrypted and bound to their rows. */
import {
  Clock,
  Context,
  Duration,
  Effect,
  Layer,
  PubSub,
  type Redacted,
  Schema,
  Semaphore,
  Stream
} from "effect"
import { Audit } from "../../audit/Audit.ts"
import { type Actor, program } from "../../audit/AuditEntry.ts"
import { ConfigSource } from "../../config/ConfigSource.ts"
import type * as certificateChain from "../../http/certificateChain.ts"
import { Ids } from "../../platform/Ids.ts"
import type { DatabaseError } from "../../storage/DatabaseError.ts"
import { encryptionKey } from "../../storage/encryptionKey.ts"
import * as sealing from "../../storage/sealing.ts"
import { Sql } from "../../storage/Sql.ts"
import type { Storage, StorageError } from "../../storage/Storage.ts"
import { isoOf, type Source } from "./Certificate.ts"
import * as rows from "./certificateRows.ts"
import { section } from "../section.ts"
import { reseal } from "./sealedKeys.ts"

/** How long an expired certificate is listed. */
const kept = Duration.toMillis("30 days")

/** The keys in the database were encrypted with another secret or key file. */
export class KeysUnreadable extends Schema.TaggedError<KeysUnreadable>()("KeysUnreadable", {}) {
  override get message() {
    return (
      "The private keys of certificates in the database were encrypted with another key. Instances that share a database " +
      "need the same edge.certificates.secret, or the same file keys/certificates in their state folders: copy it from the " +
      "instance that was started first. If it is lost, `manifold certificate reset` removes what cannot be decrypted, and it is issued again."
    )
  }
}

export type StoreError = DatabaseError | StorageError | KeysUnreadable

/** A certificate that is ready to serve. */
export interface StoredCertificate extends Omit<rows.CertificateRow, "sealed_key"> {
  /** PEM. */
  readonly key: string
}

export interface NewCertificate {
  readonly source: Source
  readonly info: certificateChain.ChainInfo
  readonly chain: string
  /** PEM. */
  readonly key: string
  /** Milliseconds since the epoch; null: never renewed by this program. */
  readonly renewAt: number | null
}

/** Who adds or removes a certificate, as the audit log names it. */
export interface Author {
  readonly name: string
  readonly actor: Actor
  readonly requestId?: string | undefined
}

/** This program. */
export const itself: Author = { name: "manifold", actor: program }

/** Of `edge.certificates.secret`; keys under the file of before get it. */
const makeCipher = Effect.fnUntraced(function* (secret: Redacted.Redacted<string> | undefined) {
  const { current, previous } = yield* encryptionKey({
    secret,
    purpose: "certificate-encryption",
    file: "certificates"
  })
  const cipher = yield* sealing.make(current)
  if (previous === undefined) return cipher
  const before = yield* sealing.make(previous)
  const changed = yield* reseal(before, cipher)
  if (changed > 0)
    yield* Effect.logInfo("private keys of certificates were encrypted with edge.certificates.secret")
  // Rows that were read before, or that an instance without the secret adds.
  const open: sealing.Sealing["open"] = (name, sealed) =>
    cipher.open(name, sealed).pipe(Effect.catch(() => before.open(name, sealed)))
  return { ...cipher, open }
})

const rowName = (id: string) => `edge_certificates/${id}`

export class CertificateStore extends Context.Service<
  CertificateStore,
  {
    /** Changes whenever any instance adds or removes a certificate, or an order changes. */
    readonly revision: Effect.Effect<number, StoreError>
    /** All certificates; only those that are new since the last call are read and decrypted. */
    readonly all: Effect.Effect<ReadonlyArray<StoredCertificate>, StoreError>
    /**
     * Adds certificates, each with a row in the audit log. Older ones of the same source and names are removed. `admit` runs
     * first in the transaction; certificates that it leaves out are not added.
     */
    readonly add: <E = never>(
      certificates: ReadonlyArray<NewCertificate>,
      by: Author,
      admit?: (
        sql: Parameters<Parameters<Sql["Service"]["write"]>[0]>[0]
      ) => Effect.Effect<(each: NewCertificate) => boolean, E | DatabaseError>
    ) => Effect.Effect<ReadonlyArray<string>, StoreError | E>
    /** Removes the certificate; `undefined` without one. */
    readonly remove: (id: string, by: Author) => Effect.Effect<rows.CertificateRow | undefined, StoreError>
    /** Removes those that expired 30 days ago. */
    readonly prune: Effect.Effect<void, StoreError>
    /** Notifies of certificates that this process adds or removes; those of other processes change `revision` only. */
    readonly changes: Stream.Stream<void>
    /** Encrypts a text for the row of this name, in base64. */
    readonly seal: (name: string, text: string) => Effect.Effect<string, StoreError>
    readonly open: (name: string, sealed: string) => Effect.Effect<string, StoreError>
  }
>()("manifold/edge/CertificateStore") {
  static readonly layer = Layer.effect(
    CertificateStore,
    Effect.gen(function* () {
      const sql = yield* Sql
      const audit = yield* Audit
      const settings = yield* (yield* ConfigSource).read(section)
      const services = yield* Effect.context<Ids | Sql | Storage>()
      const ids = yield* Ids
      const loading = yield* Semaphore.make(1)
      const changed = yield* PubSub.sliding<void>(1)
      const notify = PubSub.publish(changed, undefined)
      let cipher: sealing.Sealing | undefined
      let cached: ReadonlyMap<string, StoredCertificate> = new Map()

      const ciphers = Effect.suspend(() =>
        cipher === undefined
          ? makeCipher(settings.certificates.secret).pipe(
              Effect.provideContext(services),
              Effect.tap((made) => Effect.sync(() => (cipher = made)))
            )
          : Effect.succeed(cipher)
      )
      const seal = (name: string, text: string) =>
        Effect.map(
          Effect.flatMap(ciphers, (made) => made.seal(name, text)),
          (bytes) => Buffer.from(bytes).toString("base64")
        )
      const open = (name: string, sealed: string) =>
        Effect.flatMap(ciphers, (made) =>
          Effect.mapError(made.open(name, Buffer.from(sealed, "base64")), () => new KeysUnreadable())
        )

      const opened = ({ sealed_key, ...row }: rows.CertificateRow) =>
        Effect.map(open(rowName(row.id), sealed_key), (key): StoredCertificate => ({ ...row, key }))

      const all = loading.withPermit(
        Effect.gen(function* () {
          const { added, present } = yield* sql.read((client) =>
            Effect.gen(function* () {
              const listed = yield* rows.listIds(client)
              const missing = listed.filter((id) => !cached.has(id))
              return { present: listed, added: yield* rows.find(client, missing) }
            })
          )
          const fresh = new Map<string, StoredCertificate>()
          for (const row of yield* Effect.forEach(added, opened)) fresh.set(row.id, row)
          cached = new Map(
            present.flatMap((id) => {
              const found = fresh.get(id) ?? cached.get(id)
              return found === undefined ? [] : [[id, found] as const]
            })
          )
          return [...cached.values()]
        })
      )

      const rowOf = Effect.fnUntraced(function* (certificate: NewCertificate, by: Author, now: number) {
        const { chain, info, key, renewAt, source } = certificate
        const id = yield* ids.next
        const row: rows.CertificateRow = {
          id,
          source,
          names: info.names,
          chain,
          sealed_key: yield* seal(rowName(id), key),
          issuer: info.issuer,
          fingerprint: info.fingerprint,
          not_before: info.notBefore,
          not_after: info.notAfter,
          renew_at: renewAt,
          created_at: now,
          created_by: by.name
        }
        return { certificate, row }
      })

      const entryOf = (action: string, row: rows.CertificateRow, { actor, requestId }: Author) => ({
        actor,
        requestId,
        action,
        target: row.names[0],
        outcome: "succeeded" as const,
        details: {
          id: row.id,
          source: row.source,
          names: row.names.slice(0, 20),
          issuer: row.issuer,
          expires_at: isoOf(row.not_after),
          fingerprint_sha256: row.fingerprint
        }
      })

      return CertificateStore.of({
        revision: sql.read(rows.revision),
        all,
        add: Effect.fn("CertificateStore.add")(function* (certificates, by, admit) {
          const now = yield* Clock.currentTimeMillis
          const made = yield* Effect.forEach(certificates, (each) => rowOf(each, by, now))
          return yield* sql.write((client) =>
            Effect.gen(function* () {
              yield* rows.lockCertificates(client)
              const isAdmitted = admit === undefined ? () => true : yield* admit(client)
              const added = made.flatMap(({ certificate, row }) => (isAdmitted(certificate) ? [row] : []))
              yield* rows.insert(client, added)
              for (const row of added) {
                yield* rows.removeReplaced(client, row)
                const action = row.source === "uploaded" ? "certificate.upload" : "certificate.issue"
                yield* audit.record(client, entryOf(action, row, by))
              }
              if (added.length > 0) yield* rows.countChange(client)
              return added.map(({ id }) => id)
            })
          )
        }, Effect.tap(notify)),
        remove: Effect.fn("CertificateStore.remove")(function* (id, by) {
          return yield* sql.write((client) =>
            Effect.gen(function* () {
              yield* rows.lockCertificates(client)
              const row = yield* rows.remove(client, id)
              if (row === undefined) return undefined
              yield* audit.record(client, entryOf("certificate.remove", row, by))
              yield* rows.countChange(client)
              return row
            })
          )
        }, Effect.tap(notify)),
        prune: Effect.flatMap(Clock.currentTimeMillis, (now) =>
          sql.write((client) =>
            Effect.flatMap(rows.removeExpired(client, now - kept), (removed) =>
              removed ? Effect.asVoid(rows.countChange(client)) : Effect.void
            )
          )
        ),
        changes: Stream.fromPubSub(changed),
        seal,
        open
      })
    })
  )
}
