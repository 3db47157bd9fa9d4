/** The library: custom servers, constructors of tools, prompts and resources, and the services they use. */

// A server: as a process, or as layers.
export { serve, type ServeOptions } from "./program/serve.ts"
export {
  builtIns,
  server,
  type ServerLayer,
  type ServerOptions,
  type ServerServices
} from "./program/server.ts"
export {
  handlers as httpHandlers,
  layer as httpService,
  type HttpHandlersLayer,
  type HttpServiceLayer,
  type Overrides as HttpOptions
} from "./program/httpService.ts"
export { serveStdio } from "./program/stdioService.ts"
export { Identity, type ServerIdentity } from "./domain/Identity.ts"

// Entries of the catalog.
export { Icons, layer as toolset, Linked, ParamHeaders, Shown } from "./catalog/toolkitEntries.ts"
export { layer as entries } from "./catalog/entriesLayer.ts"
export { prompt, type Argument, type Given, type PromptOptions } from "./catalog/prompt.ts"
export {
  resource,
  resourceTemplate,
  type Contents,
  type ResourceOptions,
  type ResourceTemplateOptions
} from "./catalog/resource.ts"
export { rawTool, type RawOutput, type RawTool } from "./catalog/rawTool.ts"
export type { Entries, PromptEntry, ResourceEntry, TemplateEntry, ToolEntry } from "./catalog/Entry.ts"
export * as Content from "./domain/Content.ts"
export { ToolPolicy, type Policy } from "./domain/Policy.ts"

// Services of a call.
export { Caller } from "./catalog/Caller.ts"
export { Client, ClientError, elicit, sample } from "./catalog/Client.ts"
export { Progress } from "../layers/progress/Progress.ts"
export type { ProgressEvent } from "../layers/progress/ProgressEvent.ts"

// Calls without a transport, for tests and scripts.
export { callTool, layerMemory as catalogMemory, type CallOptions } from "./catalog/testing.ts"

// The spine: principal, catalog, guard, ledger.
export { anonymousLoopback, Principal, stdioUser } from "./domain/Principal.ts"
export type { Audience } from "./catalog/Audience.ts"
export { Catalog } from "./catalog/Catalog.ts"
export type { Change } from "./catalog/Change.ts"
export type { ContributeOptions, Contribution, Report } from "./catalog/Contribution.ts"
export { Guard } from "../layers/guard/Guard.ts"
export { Budget } from "../layers/guard/Budget.ts"
export { Calls, RunningCall } from "../layers/ledger/Calls.ts"
export { Journal, JournalUnavailable } from "../layers/ledger/Journal.ts"
export { OverBudget, Spend } from "../layers/ledger/Spend.ts"

// Errors of calls.
export { Failed, InvalidArguments, InvalidCursor, NameTaken, NotFound } from "./catalog/CatalogError.ts"
export { Busy, CircuitOpen, Forbidden, TimedOut } from "../layers/guard/GuardError.ts"
export { LimiterUnavailable, RateLimited } from "../layers/guard/GuardError.ts"
export { Unavailable } from "./domain/Transient.ts"

// Services that handlers and endpoints can use.
export { Authenticator } from "../layers/identity/Authenticator.ts"
export {
  type Credentials,
  type CredentialVerifier,
  type Verdict,
  VerifierUnavailable
} from "../layers/identity/CredentialVerifier.ts"
export { CredentialVerifiers } from "../layers/identity/CredentialVerifiers.ts"
export type { Grant } from "../layers/identity/Grant.ts"
export { StoredTokens } from "../layers/identity/StoredTokens.ts"
export { ConfigSource } from "../layers/config/ConfigSource.ts"
export { Environment } from "../layers/platform/Environment.ts"
export { Health } from "../layers/health/Health.ts"
export { Ids } from "../layers/platform/Ids.ts"
export { HttpHandlers } from "../layers/http/HttpHandlers.ts"
export { Listener } from "../layers/http/Listener.ts"
export { McpServers } from "../layers/transports/McpServers.ts"
export { Metrics } from "../layers/telemetry/Metrics.ts"
export { languageModel } from "../layers/models/languageModel.ts"
export { ModelError } from "../layers/models/ModelError.ts"
export { failureOf } from "../layers/models/modelFailures.ts"
export { Models } from "../layers/models/Models.ts"
export { ProgressEvents } from "../layers/progress/ProgressEvents.ts"
export { Hold, Quota, type QuotaLimits } from "../layers/quotas/Quota.ts"
export { Quotas } from "../layers/quotas/Quotas.ts"
export { Routes } from "../layers/http/Routes.ts"
export { Sites, type Site } from "../layers/http/Sites.ts"
export { Storage } from "../layers/storage/Storage.ts"
