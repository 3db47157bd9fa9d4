/** Layers of every server: an empty catalog, Guard, health, metrics, progress, storage, and MCP servers over the catalog. */
import { Effect, Layer } from "effect"
import { Audit } from "../../layers/audit/Audit.ts"
import * as auditCalls from "../../layers/audit/auditCalls.ts"
import * as auditReloads from "../../layers/audit/auditReloads.ts"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { CertificateStore } from "../../layers/edge/certificates/CertificateStore.ts"
import { Certificates } from "../../layers/edge/certificates/Certificates.ts"
import { ProxyTable } from "../../layers/edge/ProxyTable.ts"
import { Guard } from "../../layers/guard/Guard.ts"
import { Health } from "../../layers/health/Health.ts"
import { CredentialVerifiers } from "../../layers/identity/CredentialVerifiers.ts"
import { StoredTokens } from "../../layers/identity/StoredTokens.ts"
import { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import * as ProgressLog from "../../layers/progress/logProgress.ts"
import { Instance } from "../../layers/platform/Instance.ts"
import { Sql } from "../../layers/storage/Sql.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { Metrics } from "../../layers/telemetry/Metrics.ts"
import { Credentials } from "../../layers/upstream/oauth/Credentials.ts"
import { SignIns } from "../../layers/upstream/oauth/SignIns.ts"
import { Usage } from "../../layers/usage/Usage.ts"
import { UsageReport } from "../../layers/usage/UsageReport.ts"
import { OwnInstance } from "../catalog/OwnInstance.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { Identity } from "../domain/Identity.ts"
import { RequestState } from "../mcp/RequestState.ts"
import * as Servers from "../mcp/mcpServers.ts"
import { SuspendedCalls } from "../mcp/SuspendedCalls.ts"
import * as mcpSection from "../mcp/section.ts"

const catalogOptions = Effect.map(
  Effect.flatMap(ConfigSource, (config) => config.read(mcpSection.section)),
  ({ max_result_bytes, page_bytes, page_size }) => ({
    pageSize: page_size,
    pageBytes: page_bytes,
    maxResultBytes: max_result_bytes
  })
)

const health = Layer.unwrap(Effect.map(Identity, ({ version }) => Health.layer(version)))

/** Guard with the budget of section `usage`, and a ledger that is loaded when a call first spends something. */
const guard = Guard.layer.pipe(
  Layer.provide(Usage.budget),
  Layer.merge(Layer.mergeAll(Usage.journal, auditCalls.layer, auditReloads.layer)),
  Layer.merge(UsageReport.layer),
  Layer.provideMerge(Layer.merge(Usage.layer, Audit.layer)),
  Layer.provideMerge(Sql.layer),
  Layer.provideMerge(Layer.effectDiscard(Effect.flatMap(Storage, ({ open }) => open))),
  Layer.provideMerge(Layer.merge(Storage.layer, Metrics.layer))
)

/** An empty catalog; needs `grounded`. */
export const core = Layer.effect(Catalog, Effect.flatMap(catalogOptions, Catalog.make)).pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      Credentials.layer,
      SignIns.layer,
      Instance.layer,
      Certificates.layer.pipe(Layer.provideMerge(Layer.merge(CertificateStore.layer, ProxyTable.layer))),
      OwnInstance.layer(Storage),
      StoredTokens.layer.pipe(Layer.provideMerge(CredentialVerifiers.layer))
    )
  ),
  Layer.provideMerge(
    Layer.mergeAll(guard, ProgressLog.layer.pipe(Layer.provideMerge(ProgressEvents.layer)), health)
  )
)

/** MCP servers over the provided catalog. */
export const servers = Servers.layer.pipe(
  Layer.provide(RequestState.layer(Storage)),
  Layer.provideMerge(SuspendedCalls.layer)
)
