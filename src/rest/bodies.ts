/** Request and response bodies of the REST service. Times are in seconds. */
import { Schema } from "effect"
import { Proxy } from "../../layers/edge/proxies/Proxy.ts"
import { Certificate } from "../../layers/edge/certificates/Certificate.ts"
import { states } from "../../layers/upstream/Status.ts"
import { StoredToken } from "../../layers/identity/tokens/StoredToken.ts"

const text = (maxLength: number, description: string) =>
  Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(maxLength)).annotate({ description })

/** May be absent or `null`, which many clients send for a value that they do not have. */
const optional = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const timeout = (description: string) =>
  optional(
    Schema.Finite.check(Schema.isGreaterThan(0), Schema.isLessThanOrEqualTo(3600)).annotate({ description })
  )

const JsonObject = Schema.Record(Schema.String, Schema.Unknown)
const Items = Schema.Array(JsonObject)

const webUrl = (description: string) =>
  text(8192, description).check(
    Schema.isPattern(/^https?:\/\/[^\s/]+/i, { expected: "an http or https URL" }),
    Schema.makeFilter((value: string) => URL.canParse(value) || "expected a URL")
  )

export const ClientId = text(128, "The id that POST /mcp/connect returned.")
const Success = Schema.Literal("success")

export const ConnectRequest = Schema.Struct({
  transport: Schema.Literals(["http", "sse", "stdio"]).annotate({
    description: "Streamable HTTP, HTTP with SSE of 2024-11-05, or standard input and output of a command."
  }),
  mcp_url: optional(
    text(8192, "URL of the server, for the transports http and sse.").check(
      Schema.isPattern(/^https?:\/\/[^\s/]+/i, {
        expected: "an http or https URL, such as https://example.com/mcp"
      })
    )
  ),
  command: optional(
    Schema.Array(Schema.String.check(Schema.isMaxLength(8192)))
      .check(Schema.isMinLength(1), Schema.isMaxLength(256))
      .annotate({
        description:
          "For the transport stdio: the name of a server of `mcpServers`, or its command with its arguments."
      })
  ),
  auth_type: Schema.optionalKey(
    Schema.Literals(["none", "bearer", "oauth"]).annotate({
      description: "How the server authenticates this connection. Default: none."
    })
  ),
  bearer_token: optional(
    text(16_384, "For the auth type bearer.").check(
      Schema.isPattern(/^[\x21-\x7e]+$/, { expected: "a token of printable characters without spaces" })
    )
  ),
  oauth_client_id: optional(
    text(
      2048,
      "For the auth type oauth: a client that was registered before. Default: this service registers itself."
    )
  ),
  oauth_client_secret: optional(text(8192, "Secret of that client, if it has one.")),
  oauth_auth_url: optional(webUrl("Authorization endpoint, for a server without OAuth metadata.")),
  oauth_token_url: optional(webUrl("Token endpoint, for a server without OAuth metadata.")),
  oauth_redirect_uri: optional(
    webUrl("Redirect URI that is registered for the client. Default: /callback of this service.")
  ),
  oauth_scopes: optional(
    Schema.Array(text(1024, "A scope."))
      .check(Schema.isMaxLength(100))
      .annotate({ description: "Scopes to request. Default: those that the server names." })
  ),
  name: optional(text(64, "Display name of the connection.")),
  timeout: timeout("Time limit for connecting. Default: mcp.connection.connection_timeout."),
  federate: Schema.optionalKey(
    Schema.Boolean.annotate({
      description:
        "Whether the entries are also served to this caller at /mcp, with `name` as prefix. Default: false."
    })
  )
})
  .check(
    Schema.makeFilter((request) => {
      const { auth_type, bearer_token, command, federate, mcp_url, name, transport } = request
      if (transport === "stdio") {
        if (command == null) return { path: ["command"], issue: "the transport stdio requires it" }
        if (auth_type !== undefined && auth_type !== "none")
          return { path: ["auth_type"], issue: "the transport stdio only has none" }
      } else if (mcp_url == null) {
        return { path: ["mcp_url"], issue: `the transport ${transport} requires it` }
      }
      if (auth_type === "bearer" && bearer_token == null)
        return { path: ["bearer_token"], issue: "the auth type bearer requires it" }
      if ((request.oauth_auth_url == null) !== (request.oauth_token_url == null))
        return {
          path: ["oauth_token_url"],
          issue: "give both oauth_auth_url and oauth_token_url, or neither"
        }
      if (request.oauth_token_url != null && request.oauth_client_id == null)
        return { path: ["oauth_client_id"], issue: "oauth_token_url requires it" }
      if (request.oauth_client_secret != null && request.oauth_client_id == null)
        return { path: ["oauth_client_id"], issue: "oauth_client_secret requires it" }
      if (federate === true && name == null) return { path: ["name"], issue: "federate requires it" }
      return true
    })
  )
  .annotate({ identifier: "ConnectRequest" })
export type ConnectRequest = typeof ConnectRequest.Type

export const Connected = Schema.Struct({
  status: Schema.Literal("connected"),
  client_id: Schema.String,
  tools: Items,
  resources: Items,
  prompts: Items,
  message: Schema.String
}).annotate({ identifier: "Connected" })

export const AuthorizationRequired = Schema.Struct({
  status: Schema.Literal("authorization_required"),
  client_id: Schema.String,
  authorization_url: Schema.String.annotate({ description: "Page to open in the user's browser." }),
  message: Schema.String
}).annotate({ identifier: "AuthorizationRequired" })

const list = <const Name extends string>(name: Name, identifier: string) =>
  Schema.Struct({
    status: Success,
    client_id: Schema.String,
    ...({ [name]: Items } as Record<Name, typeof Items>),
    count: Schema.Int
  }).annotate({ identifier })

export const ToolList = list("tools", "ToolList")
export const ResourceList = list("resources", "ResourceList")
export const PromptList = list("prompts", "PromptList")

export const CallToolRequest = Schema.Struct({
  client_id: ClientId,
  tool_name: text(1024, "As POST /mcp/connect and GET /mcp/list_tools name it."),
  arguments: optional(JsonObject),
  timeout: timeout("Time limit of the call. Default: 60.")
}).annotate({ identifier: "CallToolRequest" })

export const ToolResult = Schema.Struct({
  status: Schema.Literals(["success", "error"]).annotate({ description: "error: the tool failed." }),
  result: Schema.Unknown.annotate({
    description:
      "The structured content of the result; without it, an object with the content blocks as `content`."
  }),
  error: Schema.NullOr(Schema.String),
  execution_time: Schema.Finite
}).annotate({ identifier: "ToolResult" })

export const ReadResourceRequest = Schema.Struct({
  client_id: ClientId,
  uri: text(8192, "URI of the resource."),
  timeout: timeout("Time limit. Default: 60.")
}).annotate({ identifier: "ReadResourceRequest" })

export const ResourceContent = Schema.Struct({
  status: Success,
  client_id: Schema.String,
  uri: Schema.String,
  content: JsonObject.annotate({
    description: "`text` or base64 `blob` with the MIME type; `contents` if the resource has several parts."
  })
}).annotate({ identifier: "ResourceContent" })

export const GetPromptRequest = Schema.Struct({
  client_id: ClientId,
  prompt_name: text(1024, "As GET /mcp/list_prompts names it."),
  arguments: optional(Schema.Record(Schema.String, Schema.String)),
  timeout: timeout("Time limit. Default: 60.")
}).annotate({ identifier: "GetPromptRequest" })

export const PromptContent = Schema.Struct({
  status: Success,
  client_id: Schema.String,
  prompt_name: Schema.String,
  content: JsonObject
}).annotate({ identifier: "PromptContent" })

export const DisconnectRequest = Schema.Struct({ client_id: ClientId }).annotate({
  identifier: "DisconnectRequest"
})

export const Disconnected = Schema.Struct({
  status: Schema.Literal("disconnected"),
  client_id: Schema.String,
  message: Schema.String
}).annotate({ identifier: "Disconnected" })

const metadata = {
  created_at: Schema.String,
  transport: Schema.Literals(["http", "sse", "stdio"]),
  auth_type: Schema.Literals(["none", "bearer", "oauth"]),
  name: Schema.NullOr(Schema.String),
  mcp_url: Schema.NullOr(Schema.String),
  last_activity: Schema.String,
  state: Schema.Literals(states).annotate({
    description:
      "idle: not connected, the next request connects. degraded: calls work, but a list cannot be read."
  }),
  reason: Schema.NullOr(Schema.String).annotate({
    description: "Why it is degraded, unauthorized or failed."
  })
}
export const Metadata = Schema.Struct(metadata).annotate({ identifier: "Metadata" })

export const ClientList = Schema.Struct({
  status: Success,
  clients: Schema.Array(Schema.Struct({ client_id: Schema.String, ...metadata })),
  count: Schema.Int
}).annotate({ identifier: "ClientList" })

export const ClientInfo = Schema.Struct({
  status: Success,
  client_id: Schema.String,
  metadata: Metadata
}).annotate({ identifier: "ClientInfo" })

export const CreatedToken = Schema.Struct({
  token: Schema.String.annotate({
    description: "Sent as `Authorization: Bearer <token>`. Shown only now."
  }),
  about: StoredToken
}).annotate({ identifier: "CreatedToken" })

export const TokenList = Schema.Struct({
  tokens: Schema.Array(StoredToken),
  next_cursor: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "TokenList" })

export const tokenPage = {
  limit: Schema.optionalKey(
    Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 1000 })).annotate({
      description: "Maximum number of tokens. Default: 100."
    })
  ),
  cursor: Schema.optionalKey(text(64, "next_cursor of the page before. Absent: the first page."))
}

export const TokenName = text(64, "Id or name of the token, not the token itself.")

export const TicketRequest = Schema.Struct({
  path: text(1024, "Path of the WebSocket or event stream, such as /mcp/ws, without query parameters.").check(
    Schema.isPattern(/^\/[^?#\s]*$/, { expected: "a path such as /mcp/ws" })
  )
}).annotate({ identifier: "TicketRequest" })

export const Ticket = Schema.Struct({
  ticket: Schema.String.annotate({ description: "Sent as the query parameter `ticket`. Valid once." }),
  path: Schema.String,
  expires_at: Schema.String
}).annotate({ identifier: "Ticket" })

export const ProxyList = Schema.Struct({
  proxies: Schema.Array(Proxy),
  total: Schema.Int.annotate({ description: "Number of all published applications." }),
  next_cursor: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "ProxyList" })

export const proxyPage = {
  limit: Schema.optionalKey(
    Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 1000 })).annotate({
      description: "Maximum number of applications. Default: 100."
    })
  ),
  cursor: Schema.optionalKey(text(255, "next_cursor of the page before. Absent: the first page."))
}

export const proxyRevision = {
  revision: Schema.optionalKey(
    Schema.FiniteFromString.check(Schema.isInt()).annotate({
      description: "Revision of the entry that you saw. If it was changed since, nothing happens."
    })
  )
}

export const CertificateList = Schema.Struct({
  certificates: Schema.Array(Certificate),
  next_cursor: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "CertificateList" })

export const certificatePage = {
  limit: Schema.optionalKey(
    Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 1000 })).annotate({
      description: "Maximum number of certificates. Default: 100."
    })
  ),
  cursor: Schema.optionalKey(text(512, "next_cursor of the page before. Absent: the first page."))
}

export const CertificateId = text(64, "Id of an uploaded certificate.")

export const RemovedCertificate = Schema.Struct({
  id: Schema.String,
  names: Schema.Array(Schema.String)
}).annotate({ identifier: "RemovedCertificate" })
