/** Tokens and client registrations of upstream servers, encrypted in `<storage.dir>/credentials`, by server, principal and issuer. */
import { Context, Effect, FileSystem, Layer, Schema } from "effect"
import { Audit } from "../../audit/Audit.ts"
import { program } from "../../audit/AuditEntry.ts"
import { Ids } from "../../platform/Ids.ts"
import { sha256 } from "../../platform/digest.ts"
import { watchFiles } from "../../platform/watchFiles.ts"
import * as sealedFiles from "../../storage/sealedFiles.ts"
import { Storage } from "../../storage/Storage.ts"

const text = Schema.optionalKey(Schema.String)

/** The registration of this program at an authorization server. */
export const RegisteredClient = Schema.Struct({
  client_id: Schema.String,
  client_secret: text,
  token_endpoint_auth_method: text,
  /** Seconds since the epoch; 0: never (RFC 7591). */
  client_secret_expires_at: Schema.optionalKey(Schema.Finite),
  /** Scopes that it was registered for, separated by spaces. */
  scope: text,
  issuer: Schema.String,
  redirect_uri: text
})
export type RegisteredClient = typeof RegisteredClient.Type

export const StoredTokens = Schema.Struct({
  access_token: Schema.String,
  refresh_token: text,
  /** Granted scopes, separated by spaces. */
  scope: text,
  /** Milliseconds since the epoch. */
  expires_at: Schema.optionalKey(Schema.Finite),
  /** Milliseconds since the epoch; shortly before `expires_at`. */
  renew_at: Schema.optionalKey(Schema.Finite),
  /** The client that they were issued to. */
  client: RegisteredClient,
  authorization_server: Schema.String,
  /** Metadata of the authorization server (RFC 8414). */
  metadata: Schema.optionalKey(Schema.Unknown),
  /** Resource indicator (RFC 8707). */
  resource: text
})
export type StoredTokens = typeof StoredTokens.Type

const AtIssuer = Schema.Struct({
  client: Schema.optionalKey(RegisteredClient),
  tokens: Schema.optionalKey(StoredTokens)
})

/** Credentials of one principal at one server, by issuer. */
export const Stored = Schema.Struct({
  issuers: Schema.Record(Schema.String, AtIssuer),
  /** The issuer of the tokens in use. */
  current: text
})
export type Stored = typeof Stored.Type

const StoredText = Schema.fromJsonString(Stored)
const decode = Schema.decodeEffect(StoredText)
const encode = Schema.encodeEffect(StoredText)

const nothing: Stored = { issuers: {} }

export interface CredentialOwner {
  /** Name of the server. */
  readonly server: string
  /** URL of the server: its tokens are never sent to another one. */
  readonly url: string
  /** Key of the principal; empty for credentials that all principals share. */
  readonly principal: string
}

/** Issuers and their credentials. */
export interface CredentialFile {
  /** Without readable credentials: none. */
  readonly load: Effect.Effect<Stored>
  /** A failure is logged: the credentials are then lost at the next restart. */
  readonly save: (stored: Stored) => Effect.Effect<void>
  readonly remove: Effect.Effect<void>
  /** Runs the effect while no other process changes these credentials. */
  readonly locked: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Runs `changed` when another process has changed the credentials. Never completes. */
  readonly watch: (changed: Effect.Effect<void>) => Effect.Effect<never>
}

const nameOf = ({ principal, server, url }: CredentialOwner) =>
  Buffer.from(sha256(JSON.stringify([server, url, principal])))
    .toString("hex")
    .slice(0, 32)

export class Credentials extends Context.Service<
  Credentials,
  { readonly of: (owner: CredentialOwner) => CredentialFile }
>()("manifold/upstream/Credentials") {
  static readonly layer = Layer.effect(
    Credentials,
    Effect.gen(function* () {
      const files = yield* sealedFiles
        .make("credentials", "credentials")
        .pipe(Effect.provideContext(yield* Effect.context<FileSystem.FileSystem | Ids | Storage>()))
      const fs = yield* FileSystem.FileSystem
      const audit = yield* Audit
      return Credentials.of({
        of: (owner) => {
          const name = nameOf(owner)
          /** Credentials that could not be saved. */
          let unsaved: Stored | undefined
          const note = (what: string) => (error: { readonly message: string }) =>
            Effect.logWarning(`upstream ${owner.server}: ${what}`, error.message)
          return {
            load: files.read(name).pipe(
              Effect.flatMap((found) => (found === undefined ? Effect.succeed(nothing) : decode(found))),
              Effect.map((found) => unsaved ?? found),
              Effect.catch((error) => {
                audit.recordSoon({
                  actor: program,
                  action: "credential.read",
                  target: owner.server,
                  outcome: "failed",
                  details: { error: error._tag }
                })
                return Effect.as(
                  note("its stored sign-in cannot be read; sign in again")(error),
                  unsaved ?? nothing
                )
              })
            ),
            save: (stored) =>
              Effect.flatMap(encode(stored), (encoded) => files.write(name, encoded)).pipe(
                Effect.tap(() => Effect.sync(() => (unsaved = undefined))),
                Effect.tapError(() => Effect.sync(() => (unsaved = stored))),
                Effect.catch(note("its sign-in is lost at the next restart: it could not be saved"))
              ),
            remove: Effect.suspend(() => {
              unsaved = undefined
              return files.remove(name)
            }),
            locked: (effect) => files.locked(name, effect),
            watch: (changed) =>
              watchFiles([files.fileOf(name)], changed).pipe(Effect.provideService(FileSystem.FileSystem, fs))
          }
        }
      })
    })
  )
}
