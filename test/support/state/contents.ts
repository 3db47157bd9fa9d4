/** Contents of a fixture of a state folder, and its files: `test/fixtures/state-<version>.json` and `.tar.gz`. */
import { Effect, Schema } from "effect"
import { Database } from "bun:sqlite"
import { mkdirSync, readdirSync } from "node:fs"

const Conversation = Schema.Struct({
  id: Schema.String,
  store: Schema.Literals(["jsonl", "sql"]),
  state: Schema.Literals(["complete", "waiting", "running"]),
  last_seq: Schema.Natural,
  /** How the texts of all messages of the user and the model begin. */
  texts: Schema.Array(Schema.String)
})

export const Contents = Schema.Struct({
  /** Of the program that wrote the state. */
  version: Schema.String,
  /** Milliseconds since the epoch at which it was written. */
  written_at: Schema.Natural,
  /** Texts of stored tokens, by name. */
  tokens: Schema.Struct({ admin: Schema.String, limited: Schema.String, revoked: Schema.String }),
  oauth: Schema.Struct({ client_id: Schema.String, refresh_token: Schema.String }),
  conversations: Schema.Array(Conversation),
  /** By all principals, in USD. */
  spent: Schema.String,
  /** Serial numbers of certificates in hexadecimal digits, by their first name. */
  certificates: Schema.Record(Schema.String, Schema.String),
  /** Id of a connection over REST. */
  connection: Schema.String,
  /** A sign-in at an upstream server. */
  credential: Schema.Struct({ server: Schema.String, url: Schema.String, refresh_token: Schema.String }),
  /** Rows by table. */
  tables: Schema.Record(Schema.String, Schema.Natural),
  files: Schema.Array(Schema.String)
})
export type Contents = typeof Contents.Type

const History = Schema.Struct({
  last_seq: Schema.Natural,
  events: Schema.Array(Schema.Record(Schema.String, Schema.Unknown))
})

/** The body of `GET /chat/*`, as far as it is compared. */
export const historyOf = Effect.fnUntraced(function* (body: unknown) {
  const { events, last_seq } = yield* Schema.decodeUnknownEffect(History)(body)
  const texts = events
    .filter(({ status }) => status === "processing" || status === "message")
    .map((event) => /"text":"([^"]{0,40})/.exec(JSON.stringify(event))?.[1] ?? "")
  return { last_seq, texts }
})

const Usage = Schema.Struct({
  limits: Schema.Array(Schema.Struct({ limit: Schema.String, spent_usd: Schema.String }))
})

/** What all principals have spent, in the body of `/usage`. */
export const spentOf = (body: unknown) =>
  Effect.map(
    Schema.decodeUnknownEffect(Usage)(body),
    ({ limits }) => limits.find(({ limit }) => limit === "total")?.spent_usd ?? ""
  )

const fixtures = new URL("../../fixtures/", import.meta.url).pathname
export const fixtureOf = (version: string) => `${fixtures}state-${version}`

/** Versions with a fixture. */
export const fixtureVersions: ReadonlyArray<string> = readdirSync(fixtures).flatMap((name) => {
  const version = /^state-(.+)\.json$/.exec(name)?.[1]
  return version === undefined ? [] : [version]
})

/** Rows of all tables of a database that no process uses. */
export const countRows = (path: string): Readonly<Record<string, number>> => {
  const database = new Database(path, { readwrite: true, create: false })
  try {
    const names = database
      .query<{ readonly name: string }, []>(
        "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
      )
      .all()
    return Object.fromEntries(
      names.map(({ name }) => {
        const found = database
          .query<{ readonly rows: number }, []>(`SELECT COUNT(*) AS rows FROM ${name}`)
          .get()
        return [name, found?.rows ?? 0]
      })
    )
  } finally {
    database.close()
  }
}

/** Unpacks a fixture to `<home>/state`, and reads what it contains. */
export const unpack = Effect.fnUntraced(function* (version: string, home: string) {
  const dir = `${home}/state`
  mkdirSync(dir, { recursive: true })
  const { exitCode, stderr } = Bun.spawnSync(["tar", "-xzf", `${fixtureOf(version)}.tar.gz`, "-C", dir])
  if (exitCode !== 0) throw new Error(stderr.toString())
  const text = yield* Effect.promise(() => Bun.file(`${fixtureOf(version)}.json`).text())
  return { dir, contents: yield* Schema.decodeEffect(Schema.fromJsonString(Contents))(text) }
})
