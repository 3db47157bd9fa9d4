/** Audit log of a test: a program's own `Audit` over a database, and the rows as they are stored. */
import { Effect, Layer } from "effect"
import { Audit } from "../../layers/audit/Audit.ts"
import type { AuditEntry } from "../../layers/audit/AuditEntry.ts"
import { rowsAfter } from "../../layers/audit/auditRows.ts"
import type { AuditKeys } from "../../layers/audit/rowCheck.ts"
import { verifyChain } from "../../layers/audit/verifyChain.ts"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { Sql } from "../../layers/storage/Sql.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import type { StorageSettings } from "./databases.ts"

/** One process: its own connection to the database of these settings. */
export const audited = (
  storage: StorageSettings,
  audit: Readonly<Record<string, unknown>> = {},
  settings: Readonly<Record<string, unknown>> = {}
) =>
  Layer.fresh(
    Audit.layer.pipe(
      Layer.provideMerge(Sql.layer),
      Layer.provideMerge(Storage.layer),
      Layer.provideMerge(ConfigSource.layerFrom({ storage: { ...storage, ...settings }, audit })),
      Layer.provideMerge(Layer.mergeAll(Environment.layerTest({}), Ids.layer, Platform.layer))
    )
  )

export const act = (name: string, more: Partial<AuditEntry> = {}): AuditEntry => ({
  actor: { subject: "alice", client: "ide", source: "api-token" },
  action: "test.act",
  target: name,
  outcome: "succeeded",
  ...more
})

export const storedRows = Effect.flatMap(Sql, ({ read }) => read((sql) => rowsAfter(sql, 0, 100_000)))

export const verifiedWith = (keys: AuditKeys, keySince = 1) =>
  Effect.flatMap(Sql, ({ read }) => read((sql) => verifyChain(sql, { keys, keySince })))

export const verified = verifiedWith({ previous: [] })

export const change = (statement: string) =>
  Effect.flatMap(Sql, ({ write }) => write((sql) => sql.unsafe(statement)))
