/** An MCP server that requires an access token, and its authorization server (oidc-provider), on free ports. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { createMcpHandler, requireBearerAuth, Server, type AuthInfo } from "@modelcontextprotocol/server"
import { OAuthError, OAuthErrorCode } from "@modelcontextprotocol/server"
import { Effect } from "effect"
import { Provider, type ClientMetadata } from "oidc-provider"

export const scopes = ["mcp:read", "mcp:write"]

/** The client of tests that do not register one. */
export const machineClient = { client_id: "machine", client_secret: "s".repeat(48) }

/** A client for users that was created at the authorization server. */
export const userClient = {
  client_id: "your-client-id",
  client_secret: "u".repeat(48),
  redirect_uri: "http://localhost:8080/callback"
}

export interface ProtectedServerOptions {
  /** Lifetime of access tokens, in seconds. Default: 300. */
  readonly accessTokenTtl?: number
  /** The client id metadata document at every URL. Absent: such documents are not supported. */
  readonly document?: Promise<string>
  /** Members of the authorization server's metadata instead of the true ones, from its issuer. */
  readonly metadata?: (issuer: string) => Readonly<Record<string, string>>
  /** Public key (JWK, P-256) of the client `signer`. Default: there is no such client. */
  readonly machineKey?: NonNullable<ClientMetadata["jwks"]>["keys"][number]
}

const listening = (handler: (request: IncomingMessage, response: ServerResponse) => void) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer(handler)
          server.listen(0, "127.0.0.1", () => resolve(server))
        })
    ),
    (server) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )

const portOf = (server: ReturnType<typeof createServer>) => (server.address() as AddressInfo).port

/** Tools: `whoami`, `write` (which requires `mcp:write`), and one with the name of the account. */
const mcpServer = ({ authInfo }: { readonly authInfo?: AuthInfo }) => {
  const account = String(authInfo?.extra?.["account"])
  const server = new Server({ name: "protected", version: "1" }, { capabilities: { tools: {} } })
  const inputSchema = { type: "object" as const }
  server.setRequestHandler("tools/list", () => ({
    tools: ["whoami", "write", `of_${account}`].map((name) => ({ name, inputSchema }))
  }))
  server.setRequestHandler("tools/call", () => ({ content: [{ type: "text", text: account }] }))
  return server
}

export const protectedServer = Effect.fnUntraced(function* ({
  accessTokenTtl = 300,
  document,
  machineKey,
  metadata
}: ProtectedServerOptions = {}) {
  /** Token requests by grant type. */
  const requests: Record<string, number> = {}
  const state = {
    /** Whether the token endpoint drops connections. */
    offline: false,
    registrations: 0,
    /** Called for each request to the MCP server that is rejected. */
    onRejected: () => {},
    /** The access token of the last accepted request. */
    token: "",
    /** The client of the last accepted request. */
    client: "",
    /** Scopes of the authorization requests. */
    asked: [] as Array<string>,
    /** Waits before a token response, so that concurrent callers meet. */
    slow: undefined as Promise<void> | undefined
  }
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => {}
  const authorization = yield* listening((request, response) => handle(request, response))
  const issuer = `http://127.0.0.1:${portOf(authorization)}`

  const mcp = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const handler = createMcpHandler(mcpServer)
      const server = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        idleTimeout: 0,
        fetch: async (request): Promise<Response> => {
          const { origin, pathname } = new URL(request.url)
          if (pathname === "/.well-known/oauth-protected-resource/mcp") {
            return Response.json({
              resource: `${origin}/mcp`,
              authorization_servers: [issuer],
              scopes_supported: ["mcp:read"]
            })
          }
          if (pathname !== "/mcp") return new Response(null, { status: 404 })
          const text = request.method === "POST" ? await request.clone().text() : ""
          const required = text.includes('"write"') ? "mcp:write" : "mcp:read"
          const gate = requireBearerAuth({
            verifier: { verifyAccessToken: verify },
            requiredScopes: [required],
            resourceMetadataUrl: `${origin}/.well-known/oauth-protected-resource/mcp`
          })
          const authInfo = await gate(request)
          if (authInfo instanceof Response) state.onRejected()
          return authInfo instanceof Response ? authInfo : handler.fetch(request, { authInfo })
        }
      })
      return server
    }),
    (server) => Effect.promise(() => server.stop(true))
  )
  const url = `http://127.0.0.1:${mcp.port}/mcp`

  const provider = new Provider(issuer, {
    clients: [
      {
        ...machineClient,
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: []
      },
      ...(machineKey === undefined
        ? []
        : [
            {
              client_id: "signer",
              token_endpoint_auth_method: "private_key_jwt" as const,
              token_endpoint_auth_signing_alg: "ES256" as const,
              jwks: { keys: [machineKey] },
              grant_types: ["client_credentials"],
              redirect_uris: [],
              response_types: []
            }
          ]),
      {
        client_id: userClient.client_id,
        client_secret: userClient.client_secret,
        grant_types: ["authorization_code", "refresh_token"],
        redirect_uris: [userClient.redirect_uri],
        response_types: ["code"],
        application_type: "native"
      }
    ],
    cookies: { keys: ["k".repeat(32)] },
    scopes: ["openid", "offline_access", ...scopes],
    responseTypes: ["code"],
    clientDefaults: { id_token_signed_response_alg: "RS256" },
    rotateRefreshToken: true,
    issueRefreshToken: (_, client) => client.grantTypeAllowed("refresh_token"),
    ttl: {
      AccessToken: accessTokenTtl,
      ClientCredentials: accessTokenTtl,
      AuthorizationCode: 60,
      RefreshToken: 3600,
      Grant: 3600,
      Interaction: 600,
      Session: 3600,
      IdToken: 300
    },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    ...(document !== undefined && {
      fetch: async () => new Response(await document, { headers: { "content-type": "application/json" } })
    }),
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      revocation: { enabled: true },
      clientCredentials: { enabled: true },
      ...(document !== undefined && {
        clientIdMetadataDocument: { enabled: true, ack: "draft-02", allowFetch: () => true }
      }),
      resourceIndicators: {
        enabled: true,
        defaultResource: () => url,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: scopes.join(" "),
          audience: url,
          accessTokenTTL: accessTokenTtl,
          accessTokenFormat: "opaque"
        })
      }
    }
  })

  const verify = async (token: string): Promise<AuthInfo> => {
    const found = (await provider.AccessToken.find(token)) ?? (await provider.ClientCredentials.find(token))
    if (found === undefined || found.isExpired)
      throw new OAuthError(OAuthErrorCode.InvalidToken, "unknown token")
    state.token = token
    state.client = found.clientId ?? ""
    return {
      token,
      clientId: found.clientId ?? "",
      scopes: [...found.scopes],
      expiresAt: found.exp ?? 0,
      extra: { account: "accountId" in found ? found.accountId : found.clientId }
    }
  }

  /** Signs in as the account that the browser names, and consents to everything. */
  const interact = async (request: IncomingMessage, response: ServerResponse) => {
    const { grantId, params, prompt, session } = await provider.interactionDetails(request, response)
    if (prompt.name === "login") {
      const accountId = String(request.headers["x-account"])
      return provider.interactionFinished(request, response, { login: { accountId } })
    }
    const grant =
      (grantId === undefined ? undefined : await provider.Grant.find(grantId)) ??
      new provider.Grant({ accountId: session?.accountId, clientId: String(params["client_id"]) })
    const { missingOIDCScope, missingResourceScopes = {} } = prompt.details as {
      readonly missingOIDCScope?: ReadonlyArray<string>
      readonly missingResourceScopes?: Readonly<Record<string, ReadonlyArray<string>>>
    }
    if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(" "))
    for (const [resource, missing] of Object.entries(missingResourceScopes)) {
      grant.addResourceScope(resource, missing.join(" "))
    }
    return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } })
  }

  const issued = new Set<string>()
  const respond = provider.callback()
  provider.on("grant.success", ({ body, oidc }) => {
    const { access_token, refresh_token } = Object(body) as Readonly<Record<string, string>>
    for (const token of [access_token, refresh_token]) if (token !== undefined) issued.add(token)
    const grant = String(oidc.params?.["grant_type"])
    requests[grant] = (requests[grant] ?? 0) + 1
  })
  provider.on("registration_create.success", () => {
    state.registrations++
  })
  handle = (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", issuer)
    if (metadata !== undefined && pathname.startsWith("/.well-known/")) {
      response.setHeader("content-type", "application/json")
      const truth = {
        issuer,
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        registration_endpoint: `${issuer}/reg`,
        response_types_supported: ["code"],
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true
      }
      return void response.end(JSON.stringify({ ...truth, ...metadata(issuer) }))
    }
    if (pathname === "/token" && state.offline) return void request.socket.destroy()
    if (pathname === "/auth") state.asked.push(searchParams.get("scope") ?? "")
    if (pathname.startsWith("/interaction/")) return void interact(request, response)
    if (pathname === "/token" && state.slow !== undefined) {
      return void state.slow.then(() => respond(request, response))
    }
    void respond(request, response)
  }

  return {
    /** Of the MCP server. */
    url,
    issuer,
    state,
    requests,
    /** All tokens so far. */
    issued: () => issued,
    /** Forgets the registration, such as after a loss of the authorization server's data. */
    forgetClient: (clientId: string) =>
      Effect.promise(async () => {
        const adapter = (
          provider.Client as unknown as { readonly adapter: { destroy(id: string): Promise<void> } }
        ).adapter
        await adapter.destroy(clientId)
      }),
    /** Ends the access token before its time; its refresh token stays. */
    endAccessToken: (accessToken: string) =>
      Effect.promise(async () => (await provider.AccessToken.find(accessToken))?.destroy()),
    /** Revokes all tokens of the sign-in that the access token belongs to. */
    revoke: (accessToken: string) =>
      Effect.promise(async () => {
        const { grantId = "" } = (await provider.AccessToken.find(accessToken)) ?? {}
        await provider.AccessToken.revokeByGrantId(grantId)
        await provider.RefreshToken.revokeByGrantId(grantId)
        await provider.Grant.adapter.destroy(grantId)
      })
  }
})

/** A browser: follows redirects with cookies, until the URL begins with `until`. Returns that URL, without requesting it. */
export const browse = async (start: string, account: string, until: string): Promise<URL> => {
  const cookies = new Map<string, string>()
  let url = new URL(start)
  for (let count = 0; count < 12 && !url.href.startsWith(until); count++) {
    const response = await fetch(url, {
      redirect: "manual",
      headers: {
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
        "x-account": account
      }
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (value === "") cookies.delete(name)
      else cookies.set(name, value)
    }
    const location = response.headers.get("location")
    if (location === null) throw new Error(`no redirect: ${response.status} ${await response.text()}`)
    url = new URL(location, url)
  }
  return url
}
