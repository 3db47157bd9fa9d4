/** Verifier of one kind of bearer tokens: stored API tokens, OAuth access tokens. */
import { type Effect, Schema } from "effect"
import type { Grant } from "./Grant.ts"

/** The credentials of a request. A token in the query string is not accepted (OAuth 2.1, section 5.1.1). */
export interface Credentials {
  readonly method: string
  /** As received: behind a proxy not the URL that the client used. */
  readonly url: string
  /** Path of the protected resource (RFC 8707) that the route belongs to, or the origin of an application. */
  readonly resource: string
  /** The Authorization header, as received. */
  readonly authorization: string | null
  /** All headers, as received. */
  readonly headers: Headers
  /** The query parameter `ticket`, on routes that accept it: upgrades to WebSocket, and event streams. */
  readonly ticket?: string | undefined
  /** Whether the listener has verified that the peer is on this machine. */
  readonly loopbackPeer: boolean
  /** IP address of the peer, for logs and throttling; behind a proxy that of the proxy. */
  readonly address: string
  /** Whether the request came over a TLS listener of this service. */
  readonly encrypted: boolean
}

/** The store, key set or endpoint of a verifier cannot be reached: 503, because the token may be valid. */
export class VerifierUnavailable extends Schema.TaggedError<VerifierUnavailable>()("VerifierUnavailable", {
  /** For callers: shows no path or address. */
  message: Schema.String,
  /** Milliseconds. */
  retryAfter: Schema.Finite
}) {}

/** Result of a verification; `undefined`: an unknown or revoked token. */
export type Verdict = Grant | "expired" | undefined

/** Redeems tickets: single-use credentials of browsers, which cannot set headers on WebSockets and event streams. */
export interface TicketVerifier {
  /** The grant for which the ticket was made, as it is now. A ticket is valid once, for `path`. */
  readonly redeem: (ticket: string, path: string) => Effect.Effect<Verdict, VerifierUnavailable>
}

/** Why a request does not prove that its sender has the key of its token: an error code of RFC 9449. */
export interface InvalidProof {
  readonly error: "invalid_dpop_proof" | "invalid_token" | "use_dpop_nonce"
  readonly message: string
  /** With `use_dpop_nonce`: the nonce that the next proof must have. */
  readonly nonce?: string
}
export type ProofVerdict = "proven" | InvalidProof

/** Verifies that the sender of a request has the private key that its token is bound to. */
export interface ProofVerifier {
  readonly prove: (
    token: string,
    thumbprint: string,
    credentials: Credentials
  ) => Effect.Effect<ProofVerdict, VerifierUnavailable>
}

export interface CredentialVerifier {
  /** Credentials of its grants are `<name>:<id>`; `id` identifies the token without revealing it. */
  readonly name: string
  /**
   * Whether the token has the form of this verifier's tokens: prefix, length, checksum. Reads no store. Only the first
   * verifier that recognizes a token is asked; a token that none recognizes is invalid.
   */
  readonly recognizes: (token: string) => boolean
  /** Verifies a recognized token. The verdict is cached for half a second, by token and `credentials.resource`. */
  readonly verify: (token: string, credentials: Credentials) => Effect.Effect<Verdict, VerifierUnavailable>
  /**
   * The current grant of each credential (or `reference` of a grant), all of this verifier, in their order; `undefined`:
   * revoked or removed. Called twice a second while connections are open.
   */
  readonly current: (
    credentials: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyArray<Grant | undefined>, VerifierUnavailable>
  /** Whether any caller can authenticate with this verifier: without one, the service listens on loopback only. */
  readonly usable: Effect.Effect<boolean, VerifierUnavailable>
}
