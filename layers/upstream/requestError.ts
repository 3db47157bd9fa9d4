/** Converts an error of the SDK's client to `UpstreamError`: whether the request began, and whether the connection is lost. */
import { Schema } from "effect"
import { UpstreamError, type Stage } from "./UpstreamError.ts"

const isRejection = Schema.is(Schema.Struct({ code: Schema.Finite, message: Schema.String }))

/** Error codes of Bun and Node for a request that did not reach the server. */
const unreached: ReadonlySet<string> = new Set([
  "ConnectionRefused",
  "FailedToOpenSocket",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN"
])

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined

/** HTTP status that the SDK reports; `undefined` without one. */
const statusOf = (cause: unknown): number | undefined => {
  const status = field(field(cause, "data"), "status") ?? field(cause, "status")
  if (typeof status === "number") return status
  return field(cause, "name") === "UnauthorizedError" ? 401 : undefined
}

/** HTTP status of this service for its own requests. */
const loopDetected = 508

/** Maximum depth of causes. */
const depth = 4

const codesOf = (cause: unknown): ReadonlyArray<unknown> => {
  const codes: Array<unknown> = []
  let each = cause
  for (let count = 0; count < depth && each !== undefined; count++) {
    codes.push(field(each, "code"))
    each = field(each, "cause")
  }
  return codes
}

/** For the SDK's `InsufficientScopeError` (RFC 6750, section 3.1). */
const scopeMissing = (server: string, scope: unknown) =>
  new UpstreamError({
    server,
    stage: "authenticate",
    detail: `the server requires a scope that the sign-in does not have${typeof scope === "string" ? `: ${scope.slice(0, 200)}` : ""}`,
    unsent: true,
    signIn: typeof scope === "string" ? { scope } : {}
  })

/** The SDK's code for 401 after the access token was renewed. */
const rejectedAgain = "CLIENT_HTTP_AUTHENTICATION"

/** What the SDK puts before the reason. */
const sdkPrefix = /^(?:Version negotiation probe failed: |Error POSTing to endpoint: )+/
/** In characters: the rest of an error page says nothing. */
const longestText = 500

const withStatus = (message: string, status: number | undefined): string => {
  const text = message.replace(sdkPrefix, "").slice(0, longestText)
  return status === undefined || status < 400 || message.includes(`HTTP ${status}`)
    ? text
    : `the server answered with HTTP ${status}: ${text}`
}

export interface RequestFailure {
  readonly error: UpstreamError
  /** Whether the connection is lost: the server is unreachable, or its session has ended. */
  readonly lost: boolean
}

/** `session`: the connection has a session, and a 404 means that it has ended. */
export const requestFailure = (
  cause: unknown,
  { server, session, stage }: { readonly server: string; readonly session: boolean; readonly stage: Stage }
): RequestFailure => {
  if (cause instanceof UpstreamError) {
    return { error: cause, lost: cause.signIn !== undefined && cause.signIn.scope === undefined }
  }
  if (field(cause, "name") === "InsufficientScopeError") {
    return { error: scopeMissing(server, field(cause, "requiredScope")), lost: false }
  }
  const status = statusOf(cause)
  const denied = status === 401 || status === 403
  const gone = session && status === 404
  const absent = codesOf(cause).some((code) => typeof code === "string" && unreached.has(code))
  const rejected = isRejection(cause)
  if (codesOf(cause).includes(rejectedAgain)) {
    const detail = "the server rejects the access token: sign-in required"
    const error = new UpstreamError({ server, stage: "authenticate", detail, unsent: true, signIn: {} })
    return { error, lost: true }
  }
  const error = new UpstreamError({
    server,
    stage: denied ? "authenticate" : absent && stage === "negotiate" ? "connect" : stage,
    detail:
      status === loopDetected
        ? "this URL is the service itself: name another server"
        : gone
          ? "the server has ended the session"
          : denied
            ? `the server denies access (HTTP ${status}): check the headers of its entry in mcpServers`
            : withStatus(rejected || cause instanceof Error ? cause.message : String(cause), status),
    unsent: stage !== "call" || denied || gone || absent,
    ...(denied && { permanent: true }),
    ...(rejected && { code: cause.code }),
    ...(rejected && "data" in cause && { data: cause.data })
  })
  return { error, lost: gone || absent }
}
