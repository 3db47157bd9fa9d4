/** The library: the layers and services of manifold under explicit names. */
export { ConfigSource } from "../layers/config/ConfigSource.ts"
export { Budget } from "../layers/guard/Budget.ts"
export { Guard } from "../layers/guard/Guard.ts"
export { Busy, CircuitOpen, Forbidden, OverBudget, TimedOut } from "../layers/guard/refusals.ts"
export { LimiterUnavailable, RateLimited } from "../layers/guard/RateLimited.ts"
export { Health } from "../layers/health/Health.ts"
export { Authenticator } from "../layers/identity/Authenticator.ts"
export { Calls } from "../layers/ledger/Calls.ts"
export { Environment } from "../layers/platform/Environment.ts"
export { Ids } from "../layers/platform/Ids.ts"
export { Listener } from "../layers/platform/Listener.ts"
export { layer as platform } from "../layers/platform/Platform.ts"
export { Routes } from "../layers/platform/Routes.ts"
export { StdioPipe } from "../layers/platform/StdioPipe.ts"
export { Progress } from "../layers/progress/Progress.ts"
export type { ProgressEvent } from "../layers/progress/ProgressEvent.ts"
export { ProgressEvents } from "../layers/progress/ProgressEvents.ts"
export { Storage } from "../layers/storage/Storage.ts"
export { Metrics } from "../layers/telemetry/Metrics.ts"
export { Templates } from "../layers/templates/Templates.ts"
export { McpServers } from "../layers/transports/McpServers.ts"
export { serve as serveStdio } from "../layers/transports/Stdio.ts"
export { Caller } from "./catalog/Caller.ts"
export { Catalog } from "./catalog/Catalog.ts"
export { Failed, InvalidArguments, InvalidCursor, NotFound } from "./catalog/CatalogError.ts"
export { Client, ClientError, elicit, sample } from "./catalog/Client.ts"
export type {
  Entries,
  PromptEntry,
  ResourceEntry,
  TemplateEntry,
  ToolEntry,
  ToolOutput
} from "./catalog/Entry.ts"
export { Icons, layer as toolset, ParamHeaders, Shown } from "./catalog/Toolset.ts"
export { foundation } from "./cli/ground.ts"
export { catalog, mcp } from "./cli/program.ts"
export * as Content from "./domain/Content.ts"
export { ToolPolicy, type Policy } from "./domain/Policy.ts"
export { Unavailable } from "./domain/Transient.ts"
export { anonymousLoopback, Principal, stdioUser } from "./domain/Principal.ts"
export { layer as httpService } from "./http/Service.ts"
export { layer as mcpServers } from "./mcp/Servers.ts"
