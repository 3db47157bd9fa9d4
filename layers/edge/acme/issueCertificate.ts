/** Issues the certificate of one host by ACME. Each step is stored, so that another process continues after a restart. */
import { Clock, Duration, Effect } from "effect"
import * as certificateChain from "../../http/certificateChain.ts"
import { Sql } from "../../storage/Sql.ts"
import * as rows from "../certificates/acmeRows.ts"
import { type Author, CertificateStore, itself } from "../certificates/CertificateStore.ts"
import { type AcmeClient, type AuthorizationState, generateKey, type Order } from "./AcmeClient.ts"
import { AcmeError, problemOf, unusable } from "./AcmeError.ts"
import { renewalOf } from "./attempts.ts"
import { monotonicNow } from "../../platform/monotonic.ts"

/** Polling of the CA: first and longest delay, and the time limit of one step. */
const firstDelay = 500
const longestDelay = 5000
const stepLimit = Duration.toMillis("3 minutes")
/** How long a challenge is answered. */
const challengeLifetime = Duration.toMillis("1 hour")

/** The audit log and lists name the CA. */
const authorOf = (directory: string): Author => ({ ...itself, name: directory })

const keyName = (host: string) => `edge_acme_orders/${host}`

const rejected = (message: string) => new AcmeError({ reason: "rejected", message })

/** `pause` waits for some milliseconds until the CA is asked again. */
export const make = Effect.fnUntraced(function* (
  client: AcmeClient,
  directory: string,
  pause: (millis: number) => Effect.Effect<void>
) {
  const sql = yield* Sql
  const store = yield* CertificateStore

  /** Repeats `check` until it has a result. */
  const poll = <A, E>(step: string, check: Effect.Effect<A | undefined, E>) =>
    Effect.gen(function* () {
      const started = yield* monotonicNow
      for (let delay = firstDelay; ; delay = Math.min(longestDelay, delay * 2)) {
        const found = yield* check
        if (found !== undefined) return found
        if ((yield* monotonicNow) - started > stepLimit)
          return yield* new AcmeError({
            reason: "unavailable",
            message: `the CA is still busy with the ${step}`
          })
        yield* pause(delay)
      }
    })

  const begin = Effect.fnUntraced(function* (host: string, before: rows.OrderRow | undefined) {
    const key = yield* generateKey
    const order = yield* client.createOrder(host)
    const now = yield* Clock.currentTimeMillis
    const row: rows.OrderRow = {
      host,
      directory,
      order_url: order.url,
      sealed_key: yield* store.seal(keyName(host), key),
      attempts: before?.attempts ?? 0,
      last_error: before?.last_error ?? null,
      next_at: now,
      updated_at: now
    }
    yield* sql.write((connection) => rows.saveOrder(connection, row))
    return { order, key }
  })

  /** The stored order, if the CA still has it. */
  const resume = Effect.fnUntraced(function* (host: string, row: rows.OrderRow | undefined) {
    if (row === undefined || row.directory !== directory) return undefined
    const { order_url, sealed_key } = row
    if (order_url === null || sealed_key === null) return undefined
    const key = yield* store.open(keyName(host), sealed_key)
    const order = yield* client.order(order_url).pipe(
      Effect.catchIf(
        (error) => error._tag === "AcmeError" && !error.isTransient,
        () => Effect.undefined
      )
    )
    return order === undefined || order.status === "invalid" ? undefined : { order, key }
  })

  /** Offers the response to the challenge and requests the validation. */
  const offer = Effect.fnUntraced(function* ({ challenge }: AuthorizationState) {
    if (challenge === undefined) return yield* unusable("the CA offers no HTTP-01 challenge for this host")
    const now = yield* Clock.currentTimeMillis
    const { keyAuthorization: key_authorization, token } = challenge
    const row = { token, key_authorization, expires_at: now + challengeLifetime }
    yield* sql.write((connection) => rows.saveChallenge(connection, row, now))
    if (challenge.status === "pending") yield* client.accept(challenge)
  })

  const authorize = Effect.fnUntraced(function* (order: Order) {
    const pending = (yield* client.authorizations(order)).filter(({ status }) => status === "pending")
    const check = Effect.gen(function* () {
      const states = yield* client.authorizations(order)
      const failed = states.find(({ status }) => status !== "pending" && status !== "valid")
      if (failed !== undefined)
        return yield* rejected(
          failed.problem === "" ? `the authorization is ${failed.status}` : failed.problem
        )
      return states.every(({ status }) => status === "valid") ? true : undefined
    })
    const forget = Effect.forEach(pending, ({ challenge }) =>
      challenge === undefined
        ? Effect.void
        : sql.write((connection) => rows.removeChallenge(connection, challenge.token))
    )
    yield* Effect.forEach(pending, offer, { discard: true }).pipe(
      Effect.andThen(poll("validation", check)),
      // After a restart the same challenge is offered again.
      Effect.tap(Effect.ignore(forget))
    )
  })

  /** The order once it has another status. */
  const leaving = (order: Order) =>
    poll(
      "order",
      Effect.map(client.order(order.url), (now) => (now.status === order.status ? undefined : now))
    )

  const complete = Effect.fnUntraced(function* (first: Order, host: string, key: string) {
    for (let order = first; ;) {
      switch (order.status) {
        case "pending":
          yield* authorize(order)
          order = yield* leaving(order)
          break
        case "ready":
          order = yield* client.finalize(order, host, key)
          if (order.status === "ready") order = yield* leaving(order)
          break
        case "processing":
          order = yield* leaving(order)
          break
        case "valid":
          return yield* client.download(order)
        case "invalid": {
          const { text } = problemOf(order.error)
          return yield* rejected(text === "" ? "the CA rejected the order" : text)
        }
      }
    }
  })

  /** Checks the chain before it is used. */
  const accept = Effect.fnUntraced(function* (host: string, cert: string, key: string) {
    const { chain, info } = yield* certificateChain
      .check({ cert, key, names: [host] })
      .pipe(
        Effect.mapError(({ message }) => unusable(`the certificate of the CA cannot be used: ${message}`))
      )
    const renewAt = yield* renewalOf(info)
    yield* store.add([{ source: "acme", info, chain, key, renewAt }], authorOf(directory), (connection) =>
      rows.removeOrder(connection, host).pipe(
        Effect.orDie,
        Effect.as(() => true)
      )
    )
    return info
  })

  return Effect.fn("acme.issueCertificate")(function* (host: string) {
    const row = yield* sql.read((connection) => rows.findOrder(connection, host))
    const { key, order } = (yield* resume(host, row)) ?? (yield* begin(host, row))
    const chain = yield* complete(order, host, key)
    return yield* accept(host, chain, key)
  })
})
