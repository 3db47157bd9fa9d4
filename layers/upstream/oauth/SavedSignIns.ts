/** Sign-ins that wait, encrypted in `<storage.dir>/sign-ins`: a user who opened the page before a restart finishes after it. */
import { Clock, Effect, Schema } from "effect"
import { sha256Hex } from "../../platform/digest.ts"
import * as sealedFiles from "../../storage/sealedFiles.ts"
import type { CredentialOwner } from "./Credentials.ts"

/** Bounds of the files. More sign-ins wait in memory only. */
const maxPerOwner = 16
const maxTotal = 512

const SavedSignIn = Schema.Struct({
  server: Schema.String,
  url: Schema.String,
  principal: Schema.String,
  /** The state of the flow, for the account that finishes it. */
  flow: Schema.String,
  /** Milliseconds since the epoch. */
  expires: Schema.Finite,
  /** Parameters of the response, if it came while the account was not in use. */
  response: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
})
export type SavedSignIn = typeof SavedSignIn.Type

const Json = Schema.fromJsonString(SavedSignIn)
const decode = Schema.decodeUnknownEffect(Json)
const encode = Schema.encodeEffect(Json)

const length = 32
const hash = (text: string) => sha256Hex(text).slice(0, length)
const hashOf = ({ principal, server, url }: CredentialOwner) => hash(JSON.stringify([server, url, principal]))

/** The parts of a file's name, from which files are counted and expired ones are found without reading them. */
const toName = (kind: "answered" | "waiting", owner: string, expires: number, state: string) =>
  `${kind}-${owner}-${Math.ceil(expires)}-${state}`
const partsOf = (name: string) => {
  const [kind, owner, expires, state] = name.split("-")
  return { name, kind, owner, expires: Number(expires), state }
}

/** A file that cannot be read or written costs a sign-in after a restart, never a request. */
const noted = <A, R>(effect: Effect.Effect<A, { readonly message: string }, R>, otherwise: A) =>
  effect.pipe(
    Effect.catch(({ message }) =>
      Effect.as(Effect.logWarning("a sign-in that waits is lost at the next restart", message), otherwise)
    )
  )

export const make = Effect.gen(function* () {
  const files = yield* sealedFiles.make("sign-ins", "sign-ins")

  /** Removes what has expired, and the oldest files if there are too many. */
  const list = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const all = (yield* files.names).map(partsOf)
    for (const { expires, name } of all) if (!(expires > now)) yield* files.remove(name)
    return all.filter(({ expires }) => expires > now).toSorted((a, b) => a.expires - b.expires)
  })

  const write = Effect.fnUntraced(function* (
    kind: "answered" | "waiting",
    saved: SavedSignIn,
    state: string
  ) {
    const owner = hashOf(saved)
    const all = yield* list
    const own = all.filter((each) => each.owner === owner)
    const oldest = own.length >= maxPerOwner ? own[0] : all.length >= maxTotal ? all[0] : undefined
    if (oldest !== undefined) yield* files.remove(oldest.name)
    yield* files.write(toName(kind, owner, saved.expires, state), yield* encode(saved))
  })

  /** Reads the file and removes it; one process gets its content. */
  const take = (name: string) =>
    files.locked(
      name,
      Effect.gen(function* () {
        const text = yield* files.read(name)
        yield* files.remove(name)
        return text === undefined ? undefined : yield* decode(text)
      })
    )

  return {
    save: (state: string, saved: SavedSignIn) => noted(write("waiting", saved, hash(state)), undefined),
    /** The sign-in of the state, once; `undefined` if there is none. */
    take: (state: string): Effect.Effect<SavedSignIn | undefined> =>
      noted(
        Effect.gen(function* () {
          const wanted = hash(state)
          const found = (yield* list).find((each) => each.kind === "waiting" && each.state === wanted)
          return found === undefined ? undefined : yield* take(found.name)
        }),
        undefined
      ),
    /** Keeps the response of the authorization server until the account is used. */
    answer: (state: string, saved: SavedSignIn, response: URLSearchParams) =>
      noted(write("answered", { ...saved, response: Object.fromEntries(response) }, hash(state)), undefined),
    /** Sign-ins of the account whose response was kept, each once. */
    answered: (owner: CredentialOwner): Effect.Effect<ReadonlyArray<SavedSignIn>> =>
      noted(
        Effect.gen(function* () {
          const wanted = hashOf(owner)
          const found = (yield* list).filter((each) => each.kind === "answered" && each.owner === wanted)
          const taken = yield* Effect.forEach(found, ({ name }) => take(name))
          return taken.filter((each) => each !== undefined)
        }),
        []
      )
  }
})
