/** The local CA: a root certificate that is generated once for all instances, and certificates for hosts. */
import { Clock, Context, Effect, Layer, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { Audit } from "../../audit/Audit.ts"
import { inspect, isKeyOf } from "../../http/certificateChain.ts"
import { Ids } from "../../platform/Ids.ts"
import { Count, rowsOf } from "../../storage/rows.ts"
import { Sql } from "../../storage/Sql.ts"
import { isoOf } from "./Certificate.ts"
import { CertificateStore, itself, type NewCertificate, type StoreError } from "./CertificateStore.ts"
import { lockCertificates } from "./certificateRows.ts"

const Rows = rowsOf(
  Schema.Struct({
    id: Schema.String,
    certificate: Schema.String,
    sealed_key: Schema.String,
    not_after: Count,
    created_at: Count
  })
)
type AuthorityRow = Effect.Success<ReturnType<typeof Rows>>[number]

const day = 24 * 60 * 60_000
/** A root that expires sooner is replaced: certificates must not outlive it. */
const replacedBefore = 400 * day

const rowName = (id: string) => `edge_authorities/${id}`

const generator = Effect.promise(() => import("./generateCertificates.ts"))

/** Renewal is due after this share of the lifetime. */
export const renewalShare = 2 / 3

/** PEM of the root, and what it says. */
export interface Root {
  readonly certificate: string
  readonly name: string
  readonly notAfter: number
  readonly fingerprint: string
}

export interface StoredRoot extends Root {
  /** `unreadable`: encrypted with another key. `mismatched`: of another certificate. */
  readonly key: "usable" | "unreadable" | "mismatched"
}

export class LocalCa extends Context.Service<
  LocalCa,
  {
    /** The root that issues; generated at the first use. */
    readonly root: Effect.Effect<Root, StoreError>
    /** The root that issues now, and the state of its key; `undefined`: the next use generates one. */
    readonly stored: Effect.Effect<StoredRoot | undefined, StoreError>
    /** One certificate for each list of names, valid for `lifetime` milliseconds. */
    readonly issue: (
      lists: ReadonlyArray<ReadonlyArray<string>>,
      lifetime: number
    ) => Effect.Effect<ReadonlyArray<NewCertificate>, StoreError>
  }
>()("manifold/edge/LocalCa") {
  static readonly layer = Layer.effect(
    LocalCa,
    Effect.gen(function* () {
      const sql = yield* Sql
      const audit = yield* Audit
      const ids = yield* Ids
      const store = yield* CertificateStore

      const newest = (client: SqlClient, now: number) =>
        Effect.map(
          Rows(
            client`SELECT * FROM edge_authorities WHERE not_after > ${now + replacedBefore}
              ORDER BY created_at DESC, id DESC LIMIT 1`
          ),
          ([row]) => row
        )

      const create = Effect.fnUntraced(function* (now: number) {
        const id = yield* ids.next
        const { makeRoot } = yield* generator
        const made = yield* Effect.provideService(makeRoot(id.slice(-8), now), Ids, ids)
        const info = yield* Effect.orDie(inspect(made.certificate))
        const row: AuthorityRow = {
          id,
          certificate: made.certificate,
          sealed_key: yield* store.seal(rowName(id), made.key),
          not_after: info.notAfter,
          created_at: now
        }
        return yield* sql.write((client) =>
          Effect.gen(function* () {
            yield* lockCertificates(client)
            const other = yield* newest(client, now)
            if (other !== undefined) return other
            yield* client`INSERT INTO edge_authorities ${client.insert(row)}`
            yield* audit.record(client, {
              actor: itself.actor,
              action: "ca.create",
              target: info.issuer,
              outcome: "succeeded",
              details: { expires_at: isoOf(row.not_after), fingerprint_sha256: info.fingerprint }
            })
            return row
          })
        )
      })

      const current = Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        return (yield* sql.read((client) => newest(client, now))) ?? (yield* create(now))
      })

      const rootOf = ({ certificate }: AuthorityRow) =>
        Effect.map(Effect.orDie(inspect(certificate)), ({ fingerprint, issuer, notAfter }): Root => ({
          certificate,
          name: issuer,
          notAfter,
          fingerprint
        }))

      const root = Effect.flatMap(current, rootOf)

      const stored = Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const row = yield* sql.read((client) => newest(client, now))
        if (row === undefined) return undefined
        const key = yield* store.open(rowName(row.id), row.sealed_key).pipe(
          Effect.flatMap((text) => isKeyOf(row.certificate, text)),
          Effect.map((isOwn) => (isOwn ? ("usable" as const) : ("mismatched" as const))),
          Effect.catchTag("KeysUnreadable", () => Effect.succeed("unreadable" as const))
        )
        return { ...(yield* rootOf(row)), key } satisfies StoredRoot
      })

      const issue = Effect.fn("LocalCa.issue")(function* (
        lists: ReadonlyArray<ReadonlyArray<string>>,
        lifetime: number
      ) {
        const row = yield* current
        const key = yield* store.open(rowName(row.id), row.sealed_key)
        const { issuerOf } = yield* generator
        const make = yield* issuerOf({ certificate: row.certificate, key })
        return yield* Effect.forEach(lists, (names) =>
          Effect.gen(function* () {
            const now = yield* Clock.currentTimeMillis
            const made = yield* Effect.provideService(make(names, now, lifetime), Ids, ids)
            const info = yield* Effect.orDie(inspect(made.chain))
            return {
              source: "local_ca",
              info,
              ...made,
              renewAt: Math.round(now + (info.notAfter - now) * renewalShare)
            } satisfies NewCertificate
          })
        )
      })

      return LocalCa.of({ root, stored, issue })
    })
  )
}
