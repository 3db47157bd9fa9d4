/** The REST service, declared: paths, bodies, statuses and errors. `handlers.ts` implements it. */
import {
  HttpApi,
  HttpApiEndpoint,
  HttpApiGroup,
  HttpApiMiddleware,
  HttpApiSchema,
  HttpApiSecurity,
  OpenApi
} from "effect/http-api"
import { Hostname, NewProxy, Proxy, ProxyReplacement, Undo, Undone } from "../../layers/edge/proxies/Proxy.ts"
import { Certificate, Retried, Retry, Upload } from "../../layers/edge/certificates/Certificate.ts"
import { NewToken, StoredToken } from "../../layers/identity/tokens/StoredToken.ts"
import * as bodies from "./bodies.ts"
import * as errors from "./errors.ts"
import type { RestRequest } from "./RestRequest.ts"

/** Responses to requests that do not match their schema. */
export class SchemaErrors extends HttpApiMiddleware.Service<SchemaErrors>()("manifold/rest/SchemaErrors", {
  error: [errors.BadRequest, errors.Unprocessable]
}) {}

/** Authentication, which happens before the API sees a request. */
export class Access extends HttpApiMiddleware.Service<Access, { provides: RestRequest }>()(
  "manifold/rest/Access",
  {
    security: { bearer: HttpApiSecurity.bearer },
    error: [errors.Unauthorized, errors.InternalError]
  }
) {}

const query = { client_id: bodies.ClientId }
const summary = (text: string) => OpenApi.annotations({ summary: text })

const connect = HttpApiEndpoint.post("connect", "/mcp/connect", {
  payload: bodies.ConnectRequest,
  success: [
    bodies.Connected.pipe(HttpApiSchema.status(201)),
    bodies.AuthorizationRequired.pipe(HttpApiSchema.status(202))
  ],
  error: [...errors.withBody, errors.BadGateway, errors.RequestTimeout]
}).annotateMerge(summary("Connect to an MCP server"))

const listTools = HttpApiEndpoint.get("listTools", "/mcp/list_tools", {
  query,
  success: bodies.ToolList,
  error: errors.ofClient
}).annotateMerge(summary("List tools"))

const callTool = HttpApiEndpoint.post("callTool", "/mcp/call_tool", {
  payload: bodies.CallToolRequest,
  success: bodies.ToolResult,
  error: errors.ofClientWithBody
}).annotateMerge(summary("Call a tool"))

const listResources = HttpApiEndpoint.get("listResources", "/mcp/list_resources", {
  query,
  success: bodies.ResourceList,
  error: errors.ofClient
}).annotateMerge(summary("List resources"))

const readResource = HttpApiEndpoint.post("readResource", "/mcp/read_resource", {
  payload: bodies.ReadResourceRequest,
  success: bodies.ResourceContent,
  error: errors.ofClientWithBody
}).annotateMerge(summary("Read a resource"))

const listPrompts = HttpApiEndpoint.get("listPrompts", "/mcp/list_prompts", {
  query,
  success: bodies.PromptList,
  error: errors.ofClient
}).annotateMerge(summary("List prompts"))

const getPrompt = HttpApiEndpoint.post("getPrompt", "/mcp/get_prompt", {
  payload: bodies.GetPromptRequest,
  success: bodies.PromptContent,
  error: errors.ofClientWithBody
}).annotateMerge(summary("Get a prompt"))

const disconnect = HttpApiEndpoint.post("disconnect", "/mcp/disconnect", {
  payload: bodies.DisconnectRequest,
  success: bodies.Disconnected,
  error: [...errors.withBody, errors.NotFound]
}).annotateMerge(summary("Disconnect from an MCP server"))

const clients = HttpApiEndpoint.get("clients", "/mcp/clients", {
  success: bodies.ClientList,
  error: errors.common
}).annotateMerge(summary("List your connections"))

const client = HttpApiEndpoint.get("client", "/mcp/client/:client_id", {
  params: { client_id: bodies.ClientId },
  success: bodies.ClientInfo,
  error: [...errors.common, errors.NotFound]
}).annotateMerge(summary("Describe one connection"))

export class Mcp extends HttpApiGroup.make("mcp")
  .add(
    connect,
    listTools,
    callTool,
    listResources,
    readResource,
    listPrompts,
    getPrompt,
    disconnect,
    clients,
    client
  )
  .middleware(SchemaErrors)
  .middleware(Access)
  .annotateMerge(OpenApi.annotations({ title: "MCP", description: "Connections to MCP servers" })) {}

const listTokens = HttpApiEndpoint.get("listTokens", "/auth/tokens", {
  query: bodies.tokenPage,
  success: bodies.TokenList,
  error: [...errors.common, errors.NotFound]
}).annotateMerge(summary("List API tokens; requires the scope admin"))

const createToken = HttpApiEndpoint.post("createToken", "/auth/tokens", {
  payload: NewToken,
  success: bodies.CreatedToken.pipe(HttpApiSchema.status(201)),
  error: [...errors.withBody, errors.Conflict]
}).annotateMerge(summary("Create an API token; requires the scope admin"))

const revokeToken = HttpApiEndpoint.delete("revokeToken", "/auth/tokens/:token", {
  params: { token: bodies.TokenName },
  success: StoredToken,
  error: [...errors.common, errors.NotFound]
}).annotateMerge(summary("Revoke an API token; requires the scope admin"))

const ticket = HttpApiEndpoint.post("ticket", "/auth/ticket", {
  payload: bodies.TicketRequest,
  success: bodies.Ticket.pipe(HttpApiSchema.status(201)),
  error: errors.withBody
}).annotateMerge(summary("Get a ticket for a WebSocket or event stream of a browser"))

export class Auth extends HttpApiGroup.make("auth")
  .add(listTokens, createToken, revokeToken, ticket)
  .middleware(SchemaErrors)
  .middleware(Access)
  .annotateMerge(OpenApi.annotations({ title: "Authentication", description: "API tokens and tickets" })) {}

/** Administrative endpoints reject fields and query parameters that they do not declare, such as a misspelt option. */
const strict = { onExcessProperty: "error" } as const

const listCertificates = HttpApiEndpoint.get("listCertificates", "/edge/certificates", {
  query: bodies.certificatePage,
  success: bodies.CertificateList,
  error: errors.common
}).annotateMerge(summary("List certificates; requires the scope admin"))

const addCertificate = HttpApiEndpoint.post("addCertificate", "/edge/certificates", {
  payload: Upload,
  success: Certificate.pipe(HttpApiSchema.status(201)),
  error: [...errors.withBody, errors.Conflict]
}).annotateMerge(summary("Upload a certificate; requires the scope admin"))

const retryCertificate = HttpApiEndpoint.post("retryCertificate", "/edge/certificates/retry", {
  payload: Retry,
  success: Retried,
  error: [...errors.withBody, errors.NotFound]
}).annotateMerge(summary("Retry to issue a certificate by ACME; requires the scope admin"))

const removeCertificate = HttpApiEndpoint.delete("removeCertificate", "/edge/certificates/:id", {
  params: { id: bodies.CertificateId },
  success: bodies.RemovedCertificate,
  error: [...errors.common, errors.NotFound]
}).annotateMerge(summary("Remove an uploaded certificate; requires the scope admin"))

export class CertificatesGroup extends HttpApiGroup.make("certificates")
  .add(listCertificates, addCertificate, retryCertificate, removeCertificate)
  .middleware(SchemaErrors)
  .middleware(Access)
  .annotateMerge(OpenApi.annotations({ title: "Certificates", description: "TLS certificates of the edge" }))
  .annotate(HttpApi.PayloadParseOptions, strict)
  .annotate(HttpApi.QueryParseOptions, strict) {}

const listProxies = HttpApiEndpoint.get("listProxies", "/edge/proxies", {
  query: bodies.proxyPage,
  success: bodies.ProxyList,
  error: errors.common
}).annotateMerge(summary("List published applications; requires the scope admin"))

const createProxy = HttpApiEndpoint.post("createProxy", "/edge/proxies", {
  payload: NewProxy,
  success: Proxy.pipe(HttpApiSchema.status(201)),
  error: [...errors.withBody, errors.Conflict]
}).annotateMerge(summary("Publish an application; requires the scope admin"))

const updateProxy = HttpApiEndpoint.post("updateProxy", "/edge/proxies/:hostname", {
  params: { hostname: Hostname },
  payload: ProxyReplacement,
  success: Proxy,
  error: [...errors.withBody, errors.NotFound, errors.Conflict]
}).annotateMerge(summary("Replace target and options of a published application; requires the scope admin"))

const deleteProxy = HttpApiEndpoint.delete("deleteProxy", "/edge/proxies/:hostname", {
  params: { hostname: Hostname },
  query: bodies.proxyRevision,
  success: Proxy,
  error: [...errors.common, errors.NotFound, errors.Conflict]
}).annotateMerge(summary("Stop publishing an application; requires the scope admin"))

const undoProxyChange = HttpApiEndpoint.post("undoProxyChange", "/edge/proxy_changes/undo", {
  payload: Undo,
  success: Undone,
  error: [...errors.withBody, errors.Conflict]
}).annotateMerge(summary("Undo the last change of published applications; requires the scope admin"))

export class Proxies extends HttpApiGroup.make("proxies")
  .add(listProxies, createProxy, updateProxy, deleteProxy, undoProxyChange)
  .middleware(SchemaErrors)
  .middleware(Access)
  .annotateMerge(
    OpenApi.annotations({ title: "Applications", description: "Applications behind the reverse proxy" })
  )
  .annotate(HttpApi.PayloadParseOptions, strict)
  .annotate(HttpApi.QueryParseOptions, strict) {}

export class Api extends HttpApi.make("manifold")
  .add(Mcp, Auth, Proxies, CertificatesGroup)
  .annotateMerge(
    OpenApi.annotations({
      title: "manifold",
      description: "Connects to MCP servers, and calls them, over REST. Times are in seconds."
    })
  ) {}
