/** Routes of the REST service: methods, authentication, and the body; the rest is loaded with the first request. */
import { Context, Effect, type FileSystem, Layer, type Path, Scope } from "effect"
import type { Audit } from "../../layers/audit/Audit.ts"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import type { Certificates } from "../../layers/edge/certificates/Certificates.ts"
import type { ProxyTable } from "../../layers/edge/ProxyTable.ts"
import type { Guard } from "../../layers/guard/Guard.ts"
import { withoutPrefix } from "../../layers/http/pathPrefix.ts"
import { run } from "../../layers/http/runEndpoint.ts"
import { Routes, type Connection } from "../../layers/http/Routes.ts"
import { invalidToken } from "../../layers/identity/bearerChallenge.ts"
import type { Grant } from "../../layers/identity/Grant.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import type { Environment } from "../../layers/platform/Environment.ts"
import { resourceOf } from "../../layers/identity/oauth/resources.ts"
import type { StoredTokens } from "../../layers/identity/StoredTokens.ts"
import type { Tickets } from "../../layers/identity/Tickets.ts"
import type { Ids } from "../../layers/platform/Ids.ts"
import type { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import { Instance } from "../../layers/platform/Instance.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import type { Storage } from "../../layers/storage/Storage.ts"
import type { Credentials } from "../../layers/upstream/oauth/Credentials.ts"
import type { SignIns } from "../../layers/upstream/oauth/SignIns.ts"
import { authenticateRequest } from "../../layers/transports/authenticateRequest.ts"
import type { Catalog } from "../catalog/Catalog.ts"
import type { OwnInstance } from "../catalog/OwnInstance.ts"
import { json } from "../../layers/http/responses.ts"
import { rejectMethod } from "../http/requireReader.ts"
import { isObject } from "../domain/JsonObject.ts"
import { methods, ticketPath } from "./paths.ts"

type Services =
  | Audit
  | Authenticator
  | Catalog
  | Certificates
  | ConfigSource
  | Credentials
  | Environment
  | FileSystem.FileSystem
  | Guard
  | Ids
  | Instance
  | OwnInstance
  | Path.Path
  | ProgressEvents
  | ProxyTable
  | Quotas
  | SignIns
  | Storage
  | StoredTokens
  | Tickets

const detailed = (status: number, detail: string, headers?: Readonly<Record<string, string>>) =>
  json(status, { detail }, headers)

const passed: ReadonlySet<string> = new Set(["www-authenticate", "retry-after", "dpop-nonce"])

/** Authentication responds in JSON-RPC's form; its headers stay. */
const asDetail = async (response: Response): Promise<Response> => {
  const body: unknown = await response.json()
  const error = isObject(body) && isObject(body.error) ? body.error : {}
  const headers = Object.fromEntries([...response.headers].filter(([name]) => passed.has(name)))
  return detailed(response.status, String(error.message ?? "Rejected"), headers)
}

/** A body beyond `server.max_message_bytes`. */
const tooLarge = (maxBytes: number) =>
  detailed(413, `The body is too large: at most ${maxBytes} bytes (server.max_message_bytes).`)

/** The whole body, or 413. */
const withBody = async (request: Request): Promise<Request | Response> => {
  if (request.method !== "POST") return request
  try {
    const body = await request.text()
    return new Request(request.url, {
      method: request.method,
      headers: request.headers,
      body,
      signal: request.signal
    })
  } catch (cause) {
    if (request.signal.aborted) throw cause
    return detailed(413, "The body is too large (server.max_message_bytes).")
  }
}

/** Maximum bytes of a body that is read before the caller is authenticated. */
const maxTicketBody = 4096

const withTicketBody = async (request: Request): Promise<Request | Response> => {
  const length = request.headers.get("content-length")
  return length !== null && Number(length) <= maxTicketBody
    ? withBody(request)
    : detailed(413, `The body must have a Content-Length of at most ${maxTicketBody} bytes.`)
}

/** The resource that the requested path of a ticket belongs to; a malformed body is rejected later. */
const ticketResource = (text: string, headers: Headers): string => {
  try {
    const body: unknown = JSON.parse(text)
    if (isObject(body) && typeof body.path === "string") return resourceOf(withoutPrefix(body.path, headers))
  } catch {
    // Not JSON.
  }
  return "/mcp"
}

const methodsOf = (path: string) =>
  Object.hasOwn(methods, path) ? methods[path] : methods[path.slice(0, path.lastIndexOf("/") + 1)]

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const routes = yield* Routes
    const authenticator = yield* Authenticator
    const { memory } = yield* Quotas
    const scope = yield* Effect.scope
    const services = yield* Effect.context<Services>()
    const load = yield* Effect.cached(
      Effect.flatMap(
        Effect.promise(() => import("./webHandler.ts")),
        ({ make }) => make
      ).pipe(Effect.provideContext(Context.add(services, Scope.Scope, scope)))
    )
    const loaded = () => Effect.runPromiseWith(services)(load)

    /** Interrupts the request, and responds with 401, when its credential is revoked or expires. */
    const whileGranted = async (
      grant: Grant,
      request: Request,
      handle: (followed: Request) => Promise<Response>
    ): Promise<Response> => {
      const ended = new AbortController()
      const unfollow = authenticator.follow(grant, { ended: (why) => ended.abort(why) })
      try {
        const signal = AbortSignal.any([request.signal, ended.signal])
        const response = await handle(new Request(request, { signal }))
        if (!ended.signal.aborted) return response
        const message = `The token is ${String(ended.signal.reason)}. Use a new one.`
        return detailed(401, message, { "www-authenticate": invalidToken(message) })
      } finally {
        unfollow()
      }
    }

    const respond = async (request: Request, connection: Connection): Promise<Response> => {
      const { pathname } = new URL(request.url)
      const allowed = methodsOf(pathname)
      if (allowed === undefined) return detailed(404, "Not found: no endpoint has this path.")
      if (!allowed.some((method) => method === request.method)) {
        const allow = [...allowed, "OPTIONS"].join(", ")
        return detailed(405, `Method not allowed. Use ${allowed.join(" or ")}.`, { allow })
      }
      // The token must be valid for the path of the ticket, which is in the body.
      const early = pathname === ticketPath ? await withTicketBody(request) : request
      if (early instanceof Response) return early
      const resource =
        pathname === ticketPath ? ticketResource(await early.clone().text(), request.headers) : "/mcp"
      const grant = await authenticateRequest(authenticator, request, connection, resource)
      if (grant instanceof Response) return asDetail(grant)
      const whole = pathname === ticketPath ? early : await withBody(request)
      if (whole instanceof Response) return whole
      connection.keepOpen()
      connection.charge(memory, grant.principal.key)
      const handle = await loaded()
      return whileGranted(grant, whole, (followed) =>
        handle(followed, {
          principal: grant.principal,
          grant,
          requestId: connection.requestId,
          headers: request.headers
        })
      )
    }

    const paths = Object.keys(methods).map((path) => (path.endsWith("/") ? `${path}*` : path))
    yield* routes.add({ paths, fetch: respond, tooLarge })

    const pages = yield* Effect.cached(
      Effect.flatMap(
        Effect.promise(() => import("./apiPages.ts")),
        ({ make }) => make
      ).pipe(Effect.provideContext(services))
    )
    const showPage = run(services)
    yield* routes.add({
      paths: ["/openapi.json", "/docs", "/redoc"],
      fetch: (request) =>
        rejectMethod(request) ??
        showPage(
          request,
          Effect.flatMap(pages, (page) => page(new URL(request.url).pathname))
        )
    })
  })
)
