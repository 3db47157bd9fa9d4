/**
 * Databases of a test's own, so that every repository is tested on both: a SQLite file, and a database in PostgreSQL. Without
 * a server of PostgreSQL these tests are skipped, except in CI, which starts one.
 */
import { describe, test } from "bun:test"
import { SQL } from "bun"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { Sql } from "../../layers/storage/Sql.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { it } from "./effect.ts"

/** A server where databases can be made; `.ci/run` starts one. */
const server = process.env["MANIFOLD_TEST_POSTGRES_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres"

const isReachable = async () => {
  const sql = new SQL(server, { max: 1, connectionTimeout: 5 })
  try {
    await sql`SELECT 1`
    return true
  } catch {
    return false
  } finally {
    await sql.close()
  }
}

/** Whether tests on PostgreSQL run. */
export const hasPostgres = Boolean(process.env["CI"]) || (await isReachable())

const skip = (name: string) => test.skip(`${name} (skipped: needs PostgreSQL)`, () => {})

/** `it` for tests on PostgreSQL. */
export const itPostgres: typeof it = hasPostgres ? it : { live: skip, effect: skip, concurrent: skip }

/** What section `storage` says of one database. */
export interface StorageSettings {
  readonly dir: string
  readonly postgres_url?: string
  readonly redis_url?: string
}

/** Runs a statement in the server's own database. */
export const administer = (statement: string) =>
  Effect.promise(async () => {
    const sql = new SQL(server, { max: 1 })
    try {
      await sql.unsafe(statement)
    } finally {
      await sql.close()
    }
  })

/** A state folder, removed with the scope. */
export const stateFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-database-"))),
  (dir) => Effect.promise(() => rm(dir, { recursive: true, force: true }))
)

export const sqlite = Effect.map(stateFolder, (dir): StorageSettings => ({ dir }))

/** URL of a database of that server. */
export const postgresUrl = (name: string): string => {
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

export const postgres = Effect.gen(function* () {
  const dir = yield* stateFolder
  const name = `manifold_test_${crypto.randomUUID().replaceAll("-", "")}`
  yield* Effect.acquireRelease(administer(`CREATE DATABASE ${name}`), () =>
    administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  )
  return { dir, postgres_url: postgresUrl(name) } satisfies StorageSettings
})

/** Both, by name; each run makes a new database. */
export const databases = { SQLite: sqlite, PostgreSQL: postgres } as const

/** `describe` for each database. */
export const onEachDatabase = (
  name: string,
  tests: (database: (typeof databases)[keyof typeof databases]) => void
) => {
  for (const [kind, database] of Object.entries(databases)) {
    const title = `${name}, on ${kind}`
    if (kind === "SQLite" || hasPostgres) describe(title, () => tests(database))
    else describe.skip(`${title} (skipped: needs PostgreSQL)`, () => tests(database))
  }
}

/** A program's own connection to the database of these settings. */
export const sqlOf = (storage: StorageSettings, settings: Readonly<Record<string, unknown>> = {}) =>
  Layer.fresh(
    Sql.layer.pipe(
      Layer.provideMerge(Storage.layer),
      Layer.provideMerge(ConfigSource.layerFrom({ storage: { ...storage, ...settings } })),
      Layer.provideMerge(Layer.mergeAll(Environment.layerTest({}), Ids.layer, Platform.layer))
    )
  )
