/** Tickets: single-use credentials for WebSockets and event streams of browsers, which cannot set headers on them. */
import { Clock, Context, Effect, Layer, Schema } from "effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Hex from "effect/encoding/Hex"
import { Audit } from "../audit/Audit.ts"
import { actorOf } from "../audit/AuditEntry.ts"
import { sha256 } from "../platform/digest.ts"
import { Ids } from "../platform/Ids.ts"
import type { DatabaseError } from "../storage/DatabaseError.ts"
import { Sql } from "../storage/Sql.ts"
import { type Verdict, VerifierUnavailable } from "./CredentialVerifier.ts"
import { CredentialVerifiers } from "./CredentialVerifiers.ts"
import { anonymous, type Grant } from "./Grant.ts"

/** Milliseconds from the creation of a ticket to its expiry. */
export const ticketLifetime = 30_000
/** Tickets that are neither used nor expired. */
const maxOpen = { principal: 100, total: 10_000 }
const secretBytes = 32
/** Log redaction and secret scanners find tickets by this prefix. */
const form = /^mcptk_[A-Za-z0-9_-]{43}$/
/** Milliseconds after which a client may retry while the database cannot be reached. */
const retryAfter = 5000

export class TooManyTickets extends Schema.TaggedError<TooManyTickets>()("TooManyTickets", {}) {
  override get message() {
    return `Too many unused tickets: at most ${maxOpen.principal} of one principal. Use one, or retry when they have expired.`
  }
}

export interface Ticket {
  readonly text: string
  /** In milliseconds since the epoch. */
  readonly expiresAt: number
}

/** Its 256 random bits need no key. */
const hashOf = (ticket: string) => Hex.encode(sha256(ticket))

const unavailable = (error: DatabaseError) =>
  Effect.logWarning(`Tickets are unavailable: ${error.message}`).pipe(
    Effect.andThen(
      Effect.fail(
        new VerifierUnavailable({ message: `Tickets are unavailable: ${error.forCallers}.`, retryAfter })
      )
    )
  )

export class Tickets extends Context.Service<
  Tickets,
  {
    /** A ticket that is valid once, for the path. `path`: without prefix and query. */
    readonly issue: (
      grant: Grant,
      path: string
    ) => Effect.Effect<Ticket, TooManyTickets | VerifierUnavailable>
  }
>()("manifold/identity/Tickets") {
  /** Tickets are stored, so that one of several instances on a database redeems each. */
  static readonly layer = Layer.effect(
    Tickets,
    Effect.gen(function* () {
      const sql = yield* Sql
      const ids = yield* Ids
      const audit = yield* Audit
      const verifiers = yield* CredentialVerifiers
      const load = Effect.promise(() => import("./tokens/ticketRows.ts"))

      const currentOf = (credential: string, principal: string) =>
        credential === anonymous.credential
          ? Effect.succeed<Verdict>(anonymous)
          : Effect.map(verifiers.find(credential), (found): Verdict =>
              found?.principal.key === principal ? found : undefined
            )

      const redeem = Effect.fn("Tickets.redeem")(function* (ticket: string, path: string) {
        if (!form.test(ticket)) return undefined
        const rows = yield* load
        const now = yield* Clock.currentTimeMillis
        const found = yield* sql
          .write((client) => rows.take(client, hashOf(ticket)))
          .pipe(Effect.catch(unavailable))
        if (found === undefined || found.path !== path) return undefined
        if (found.expires_at <= now) return "expired"
        return yield* currentOf(found.credential, found.principal)
      })
      yield* verifiers.addTickets({ redeem })

      return Tickets.of({
        issue: Effect.fn("Tickets.issue")(function* (grant, path) {
          const rows = yield* load
          const now = yield* Clock.currentTimeMillis
          const text = `mcptk_${Base64Url.encode(yield* ids.secret(secretBytes))}`
          const expiresAt = Math.min(now + ticketLifetime, grant.expiresAt)
          const row = {
            hash: hashOf(text),
            credential: grant.reference ?? grant.credential,
            principal: grant.principal.key,
            path,
            expires_at: expiresAt
          }
          const added = yield* sql
            .write((client) => rows.add(client, row, now, maxOpen))
            .pipe(Effect.catch(unavailable))
          audit.recordSoon({
            actor: actorOf(grant.principal),
            action: "ticket.create",
            target: path,
            outcome: added ? "succeeded" : "refused"
          })
          return added ? { text, expiresAt } : yield* new TooManyTickets()
        })
      })
    })
  )
}
