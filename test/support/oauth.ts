/** A service with its OAuth server, an account, a client of the official SDK, and a browser without a window. */
import {
  Client,
  StreamableHTTPClientTransport,
  UnauthorizedError,
  type OAuthClientProvider
} from "@modelcontextprotocol/client"
import { Context, Effect, Layer, type Scope } from "effect"
import { Accounts } from "../../layers/identity/oauth/Accounts.ts"
import { Listener } from "../../layers/http/Listener.ts"
import * as Service from "../../src/program/httpService.ts"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import type { StorageSettings } from "./databases.ts"
import { serviceOf } from "./service.ts"

export const password = "correct horse battery"
export const callback = "http://127.0.0.1:9/callback"

export const freePort = Effect.sync(() => {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() })
  const { port } = server
  void server.stop(true)
  return port ?? 0
})

/** A service on a free port that is also its public URL. */
export const oauthService = Effect.fnUntraced(function* (
  storage: StorageSettings,
  config: Readonly<Record<string, unknown>> = {},
  publicUrl: string | "none" | "own" = "own"
) {
  const port = yield* freePort
  const base = `http://127.0.0.1:${port}`
  const { auth, server, ...rest } = config
  const running = yield* Layer.build(
    Layer.fresh(
      serviceOf(
        () =>
          ConfigSource.layerFrom({
            storage,
            logging: { level: "none" },
            server: {
              ...(publicUrl !== "none" && { public_url: publicUrl === "own" ? base : publicUrl }),
              ...Object(server)
            },
            auth: { anonymous_loopback: false, ...Object(auth) },
            ...rest
          }),
        Service.layer({ port })
      )
    )
  )
  const accounts = Context.get(
    yield* Layer.build(Accounts.layer.pipe(Layer.provide(Layer.succeedContext(running)))),
    Accounts
  )
  return { accounts, base, url: Context.get(running, Listener).url, running }
})

export type OAuthService = Effect.Success<ReturnType<typeof oauthService>>

/** The service with the account `alice`, which has all scopes. */
export const withAlice = Effect.fnUntraced(function* (
  database: Effect.Effect<StorageSettings, never, Scope.Scope>,
  config: Readonly<Record<string, unknown>> = {}
) {
  const service = yield* oauthService(yield* database, config)
  yield* service.accounts.add({ name: "alice", password, scopes: ["read", "call", "admin"] })
  return service
})

export type Send = (url: string | URL, init?: RequestInit) => Promise<Response>

/** Follows redirects with cookies, and answers the pages for sign-in and consent, until the client's redirect URI. */
export class Browser {
  readonly #cookies = new Map<string, { readonly value: string; readonly path: string }>()
  /** Titles of the pages. */
  readonly pages: Array<string> = []
  readonly #account: string
  readonly #callback: string
  readonly #send: Send
  constructor(account = "alice", clientCallback = callback, send: Send = fetch) {
    this.#account = account
    this.#callback = clientCallback
    this.#send = send
  }

  async fetch(url: URL, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.#cookies]
      .filter(([, { path }]) => url.pathname.startsWith(path))
      .map(([key, { value }]) => `${key.split(" ")[0]}=${value}`)
      .join("; ")
    const response = await this.#send(url, {
      redirect: "manual",
      ...init,
      headers: { cookie, accept: "text/html", ...(init.headers as Record<string, string> | undefined) }
    })
    for (const set of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? []
      const path = /path=([^;]*)/i.exec(set)?.[1] ?? "/"
      if (value === "") this.#cookies.delete(`${name} ${path}`)
      else this.#cookies.set(`${name} ${path}`, { value, path })
    }
    return response
  }

  post(url: URL, form: Record<string, string>) {
    return this.fetch(url, {
      method: "POST",
      body: new URLSearchParams(form),
      headers: { origin: url.origin, "sec-fetch-site": "same-origin" }
    })
  }

  /** The next page, without answering it. */
  async open(start: URL): Promise<{ readonly url: URL; readonly response: Response; readonly text: string }> {
    let url = start
    for (let count = 0; count < 12; count++) {
      const response = await this.fetch(url)
      const location = response.headers.get("location")
      if (location === null) return { url, response, text: await response.text() }
      url = new URL(location, url)
      if (url.href.startsWith(this.#callback)) return { url, response, text: "" }
    }
    throw new Error("too many redirects")
  }

  /** Answers the page. */
  answer(url: URL, text: string) {
    return this.post(
      url,
      text.includes('name="password"')
        ? { decision: "sign-in", account: this.#account, password }
        : { decision: "allow" }
    )
  }

  /** The URL of the client to which the browser returns. */
  async authorize(start: URL): Promise<URL> {
    let at = await this.open(start)
    for (let count = 0; count < 6; count++) {
      if (at.url.href.startsWith(this.#callback)) return at.url
      this.pages.push(/<title>(.*?)<\/title>/.exec(at.text)?.[1] ?? "")
      const response = await this.answer(at.url, at.text)
      const location = response.headers.get("location")
      if (location === null) throw new Error(`${response.status} ${await response.text()}`)
      at = await this.open(new URL(location, at.url))
    }
    throw new Error(`the pages do not end: ${this.pages.join(", ")}`)
  }
}

/** State of an SDK client. */
export class SdkClient implements OAuthClientProvider {
  readonly redirectUrl = callback
  authorizationUrl: URL | undefined
  #state = crypto.randomUUID()
  #verifier = ""
  #client: Awaited<ReturnType<OAuthClientProvider["clientInformation"]>>
  #tokens: Awaited<ReturnType<OAuthClientProvider["tokens"]>>
  #discovery: Awaited<ReturnType<NonNullable<OAuthClientProvider["discoveryState"]>>>
  registrations = 0
  get clientMetadata() {
    return {
      client_name: "Test client",
      redirect_uris: [callback],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none"
    }
  }
  state = () => this.#state
  clientInformation = () => this.#client
  saveClientInformation: NonNullable<OAuthClientProvider["saveClientInformation"]> = (client) => {
    this.registrations++
    this.#client = client
  }
  tokens = () => this.#tokens
  saveTokens: OAuthClientProvider["saveTokens"] = (tokens) => {
    this.#tokens = tokens
  }
  redirectToAuthorization = (url: URL) => {
    this.authorizationUrl = url
  }
  saveCodeVerifier = (verifier: string) => {
    this.#verifier = verifier
  }
  codeVerifier = () => this.#verifier
  saveDiscoveryState: NonNullable<OAuthClientProvider["saveDiscoveryState"]> = (state) => {
    this.#discovery = state
  }
  discoveryState = () => this.#discovery
}

/** Posts a form, and reads the JSON of the response. */
export const form = (url: string, body: Record<string, string>, send: Send = fetch) =>
  Effect.promise(async () => {
    const response = await send(url, { method: "POST", body: new URLSearchParams(body) })
    const text = await response.text()
    return { status: response.status, body: text === "" ? {} : JSON.parse(text) }
  })

/** Connects, with sign-in and consent in the browser if the service asks for it. */
export const connect = (base: string, provider: SdkClient, browser: Browser, send: Send = fetch) =>
  Effect.promise(async () => {
    const url = new URL("/mcp", base)
    for (let attempt = 0; attempt < 3; attempt++) {
      const client = new Client({ name: "test", version: "1" })
      const transport = new StreamableHTTPClientTransport(url, { authProvider: provider, fetch: send })
      try {
        await client.connect(transport)
        return { client, transport }
      } catch (error) {
        if (!(error instanceof UnauthorizedError) || provider.authorizationUrl === undefined) throw error
        await transport.finishAuth((await browser.authorize(provider.authorizationUrl)).searchParams)
      }
    }
    throw new Error("not connected")
  })

/** A registered client, and its authorization request. */
export const manualClient = Effect.fnUntraced(function* (
  base: string,
  extra: Record<string, string> = {},
  metadata: Record<string, unknown> = {},
  send: Send = fetch
) {
  const { client_id: clientId } = yield* Effect.promise(async () => {
    const response = await send(`${base}/oauth/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...new SdkClient().clientMetadata, ...metadata })
    })
    return (await response.json()) as { readonly client_id: string }
  })
  const verifier = "v".repeat(50)
  const authorizeUrl = new URL(`${base}/oauth/authorize`)
  const parameters = {
    client_id: clientId,
    response_type: "code",
    redirect_uri: callback,
    scope: "mcp:read mcp:call",
    state: "state",
    code_challenge: Buffer.from(new Bun.CryptoHasher("sha256").update(verifier).digest()).toString(
      "base64url"
    ),
    code_challenge_method: "S256",
    resource: `${base}/mcp`,
    ...extra
  }
  for (const [name, value] of Object.entries(parameters)) authorizeUrl.searchParams.set(name, value)
  return { authorizeUrl, clientId, verifier }
})

/** Tokens of a client that was authorized in the browser. */
export const tokensOf = Effect.fnUntraced(function* (
  base: string,
  {
    browser = new Browser(),
    scope = "mcp:read mcp:call"
  }: { readonly browser?: Browser; readonly scope?: string } = {}
) {
  const { authorizeUrl, clientId, verifier } = yield* manualClient(base, { scope })
  const back = yield* Effect.promise(() => browser.authorize(authorizeUrl))
  const { body } = yield* form(`${base}/oauth/token`, {
    grant_type: "authorization_code",
    code: back.searchParams.get("code") ?? "",
    code_verifier: verifier,
    client_id: clientId,
    redirect_uri: callback
  })
  return {
    access_token: String(body.access_token),
    refresh_token: String(body.refresh_token),
    scope: String(body.scope),
    client_id: clientId
  }
})
