/** ACME client (RFC 8555) of one account: orders, HTTP-01 challenges and certificates, on `acme-client`. */
import * as acme from "acme-client"
import { Clock, Effect, Redacted, Schema } from "effect"
import type { ConfiguredFetch } from "../../outbound/configuredFetch.ts"
import { AcmeError, problemOf, unusable } from "./AcmeError.ts"
import { make as makeTransport } from "./acmeTransport.ts"

const Status = Schema.Literals(["pending", "ready", "processing", "valid", "invalid"])

const Order = Schema.Struct({
  url: Schema.String,
  status: Status,
  finalize: Schema.String,
  authorizations: Schema.Array(Schema.String).check(Schema.isMaxLength(100)),
  certificate: Schema.optionalKey(Schema.String),
  error: Schema.optionalKey(Schema.Unknown)
})
export type Order = typeof Order.Type

const Challenge = Schema.Struct({
  type: Schema.String,
  url: Schema.String,
  status: Schema.String,
  token: Schema.optionalKey(Schema.String),
  error: Schema.optionalKey(Schema.Unknown)
})

const Authorization = Schema.Struct({
  status: Schema.String,
  identifier: Schema.Struct({ type: Schema.String, value: Schema.String }),
  challenges: Schema.Array(Challenge).check(Schema.isMaxLength(20))
})

/** The HTTP-01 challenge of an order's host. */
export interface HttpChallenge {
  readonly url: string
  /** `pending`: not yet requested. */
  readonly status: string
  readonly token: string
  /** Response to requests with the token. */
  readonly keyAuthorization: string
}

/** State of an authorization. */
export interface AuthorizationState {
  readonly status: string
  readonly challenge: HttpChallenge | undefined
  /** Why the CA could not validate the host. */
  readonly problem: string
}

export interface AcmeAccount {
  readonly directory: string
  /** PEM. */
  readonly key: string
  /** Of a registered account. */
  readonly url?: string | undefined
  readonly externalAccount?: { readonly key_id: string; readonly hmac_key: Redacted.Redacted } | undefined
}

/** base64url (RFC 8555, section 8.3); it becomes a path and a row. */
const tokenForm = /^[\w-]{1,128}$/

/** A private key as PEM (ECDSA P-256). */
export const generateKey: Effect.Effect<string> = Effect.map(
  Effect.promise(() => acme.crypto.createPrivateEcdsaKey("P-256")),
  String
)

/** The end of the scope aborts running requests. */
export const make = Effect.fnUntraced(function* (
  { directory, externalAccount, key, url }: AcmeAccount,
  fetch: ConfiguredFetch
) {
  const clock = yield* Clock.Clock
  const controller = yield* Effect.acquireRelease(
    Effect.sync(() => new AbortController()),
    (made) => Effect.sync(() => made.abort())
  )
  const client = new acme.Client({
    directoryUrl: directory,
    accountKey: key,
    ...(url !== undefined && { accountUrl: url }),
    ...(externalAccount !== undefined && {
      externalAccountBinding: {
        kid: externalAccount.key_id,
        hmacKey: Redacted.value(externalAccount.hmac_key)
      }
    })
  })
  const request = makeTransport(fetch, controller.signal, () => clock.currentTimeMillisUnsafe())
  // The library has no setting for it per client, and would retry for up to the Retry-After of the CA.
  Object.assign(Reflect.get(client, "http"), { request })

  const use = <A>(run: () => Promise<A>) =>
    Effect.tryPromise({
      try: run,
      catch: (cause) =>
        cause instanceof AcmeError
          ? cause
          : unusable(
              `unexpected response of the CA: ${cause instanceof Error ? cause.message : String(cause)}`
            )
    })

  const decode =
    <S extends Schema.Top & { readonly DecodingServices: never }>(schema: S) =>
    (value: unknown) =>
      Effect.mapError(Schema.decodeUnknownEffect(schema)(value), ({ message }) =>
        unusable(`unexpected response of the CA: ${message}`)
      )
  const decodeOrder = decode(Order)
  const decodeAuthorizations = decode(Schema.Array(Authorization))

  const challengeOf = Effect.fnUntraced(function* (authorization: typeof Authorization.Type) {
    const found = authorization.challenges.find(({ type }) => type === "http-01")
    const { status, token = "", url: at } = found ?? { status: "", url: "" }
    if (found === undefined) return undefined
    if (!tokenForm.test(token)) return yield* unusable("the CA sent an invalid challenge token")
    const keyAuthorization = yield* use(() =>
      client.getChallengeKeyAuthorization({ type: "http-01", url: at, status: "pending", token })
    )
    return { url: at, status, token, keyAuthorization } satisfies HttpChallenge
  })

  const stateOf = Effect.fnUntraced(function* (authorization: typeof Authorization.Type) {
    const failed = authorization.challenges.find((each) => each.error !== undefined)
    return {
      status: authorization.status,
      challenge: yield* challengeOf(authorization),
      problem: problemOf(failed?.error).text
    } satisfies AuthorizationState
  })

  return {
    /** Registers the account, or finds the one of this key; returns its URL. */
    register: (email: string | undefined) =>
      use(async () => {
        await client.createAccount({
          termsOfServiceAgreed: true,
          ...(email !== undefined && { contact: [`mailto:${email}`] })
        })
        return client.getAccountUrl()
      }),
    /** Replaces the contact of the registered account (RFC 8555, section 7.3.2). */
    setContact: (email: string | undefined) =>
      Effect.asVoid(
        use(() => client.updateAccount({ contact: email === undefined ? [] : [`mailto:${email}`] }))
      ),
    createOrder: (host: string) =>
      Effect.flatMap(
        use(() => client.createOrder({ identifiers: [{ type: "dns", value: host }] })),
        decodeOrder
      ),
    order: (orderUrl: string) =>
      Effect.flatMap(
        use(() =>
          client.getOrder({
            url: orderUrl,
            status: "pending",
            identifiers: [],
            authorizations: [],
            finalize: ""
          })
        ),
        decodeOrder
      ),
    authorizations: ({ authorizations }: Order) =>
      use(() =>
        client.getAuthorizations({
          url: "",
          status: "pending",
          identifiers: [],
          finalize: "",
          authorizations: [...authorizations]
        })
      ).pipe(
        Effect.flatMap(decodeAuthorizations),
        Effect.flatMap((found) => Effect.forEach(found, stateOf))
      ),
    /** Requests the validation. */
    accept: ({ token, url: at }: HttpChallenge) =>
      Effect.asVoid(
        use(() => client.completeChallenge({ type: "http-01", url: at, status: "pending", token }))
      ),
    /** Sends the certificate signing request for the key. */
    finalize: (order: Order, host: string, certificateKey: string) =>
      use(async () => {
        const [, csr] = await acme.crypto.createCsr({ altNames: [host] }, certificateKey)
        return client.finalizeOrder(
          { url: order.url, status: "ready", identifiers: [], authorizations: [], finalize: order.finalize },
          csr
        )
      }).pipe(Effect.flatMap(decodeOrder)),
    /** The chain as PEM. */
    download: ({ certificate = "", url: at }: Order) =>
      use(() =>
        client.getCertificate({
          url: at,
          status: "valid",
          identifiers: [],
          authorizations: [],
          finalize: "",
          certificate
        })
      )
  }
})
export type AcmeClient = Effect.Success<ReturnType<typeof make>>
