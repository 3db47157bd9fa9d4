/** Converts errors of the SDKs of OpenAI and Anthropic to `ModelError`. */
import { Redacted } from "effect"
import { OutboundError } from "../outbound/OutboundError.ts"
import { entryOf } from "./fields.ts"
import { isPassing, ModelError, type Reason } from "./ModelError.ts"
import type { Provider } from "./Provider.ts"

/** Fields of `APIError` of both SDKs, and of system errors. */
interface Thrown {
  readonly name?: unknown
  readonly message?: unknown
  readonly status?: unknown
  readonly code?: unknown
  readonly type?: unknown
  readonly error?: unknown
  readonly headers?: unknown
  readonly cause?: unknown
}

const asThrown = (value: unknown): Thrown =>
  typeof value === "object" && value !== null ? value : { message: value }
const text = (value: unknown): string => (typeof value === "string" ? value : "")

const quotaWords = /insufficient_quota|billing|credit balance|exceeded your current quota|spend(ing)? limit/i
const contextWords =
  /context[ _](length|window|size)|maximum context|prompt is too long|too many (input )?tokens|request_too_large|input is too long/i
const filterWords = /content[_ ](filter|policy|management)|moderation_blocked|safety system/i

/** Types of Anthropic's errors, which also arrive within a stream, where there is no status. */
const ofType: Readonly<Record<string, Reason>> = {
  authentication_error: "auth",
  permission_error: "auth",
  billing_error: "quota",
  insufficient_quota: "quota",
  rate_limit_error: "rate_limited",
  rate_limit_exceeded: "rate_limited",
  overloaded_error: "overloaded",
  api_error: "overloaded",
  server_error: "overloaded",
  timeout_error: "overloaded",
  request_too_large: "context_too_long",
  invalid_request_error: "invalid",
  not_found_error: "invalid"
}

const ofStatus = (status: number): Reason => {
  if (status === 401 || status === 403) return "auth"
  if (status === 402) return "quota"
  if (status === 408 || status === 409 || status >= 500) return "overloaded"
  if (status === 413) return "context_too_long"
  return status === 429 ? "rate_limited" : "invalid"
}

const reasonOf = (status: number | undefined, words: string, type: string): Reason | undefined => {
  const known = entryOf(ofType, type)
  const byStatus = status === undefined ? known : ofStatus(status)
  if (byStatus === undefined) return undefined
  if (byStatus === "invalid" || byStatus === "rate_limited" || byStatus === "context_too_long") {
    if (quotaWords.test(words)) return "quota"
    if (byStatus !== "rate_limited" && contextWords.test(words)) return "context_too_long"
    if (filterWords.test(words)) return "content_filter"
  }
  return byStatus
}

/** The status that an error within a stream gives as its code; only its reason is used. */
const statusOf = (code: unknown): number | undefined => {
  const status = Number(code)
  return Number.isInteger(status) && status >= 400 && status < 600 ? status : undefined
}

const headerOf = (headers: unknown, name: string): string =>
  headers instanceof Headers ? (headers.get(name) ?? "") : ""

/** Milliseconds to wait, from `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110, section 10.2.3). */
const retryAfterOf = (headers: unknown, now: number): number | undefined => {
  const millis = Number.parseFloat(headerOf(headers, "retry-after-ms"))
  if (millis >= 0) return millis
  const said = headerOf(headers, "retry-after")
  if (said === "") return undefined
  if (/^\d+(\.\d+)?$/.test(said)) return Number.parseFloat(said) * 1000
  const at = Date.parse(said)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

const socketCodes = /^(E[A-Z]+|ConnectionRefused|ConnectionClosed|UND_ERR_\w+|ZlibError|DNS_\w+)$/
/** Nothing was sent. */
const unsentCodes = /^(ECONNREFUSED|ConnectionRefused|ENOTFOUND|EAI_\w+|DNS_\w+|EHOSTUNREACH|ENETUNREACH)$/
const longest = 500

/** The causes of an error, the error itself first. */
const chain = (error: unknown): ReadonlyArray<Thrown> => {
  const found: Array<Thrown> = []
  for (let next: unknown = error; next !== undefined && next !== null && found.length < 5;) {
    const thrown = asThrown(next)
    found.push(thrown)
    next = thrown.cause
  }
  return found
}

const inWords: Readonly<Record<string, string>> = {
  ECONNRESET: "the connection was closed before the response was complete",
  EPIPE: "the connection was closed before the response was complete",
  ConnectionClosed: "the connection was closed before the response was complete",
  ECONNREFUSED: "no server listens at the address",
  ConnectionRefused: "no server listens at the address"
}

/** Error of the connection: a rejected URL, a closed socket, a name that does not resolve. */
const connectionProblem = (all: ReadonlyArray<Thrown>): string | undefined => {
  for (const thrown of all.toReversed()) {
    const { code, message } = thrown
    if (thrown instanceof OutboundError || socketCodes.test(text(code))) {
      return entryOf(inWords, text(code)) ?? text(message)
    }
  }
  const [{ code, message, name } = {}] = all
  // `fetch` gives its TypeErrors a code. One without is an error in this program.
  const isConnection =
    text(name).startsWith("APIConnection") ||
    (name === "TypeError" ? text(code) !== "" : /connection|socket/i.test(text(message)))
  return isConnection ? `the connection failed: ${text(message)}` : undefined
}

/** A response that exceeds the limit of `configuredFetch`, which has no other error of this reason. */
const isTooLarge = (thrown: Thrown): boolean => thrown instanceof OutboundError && thrown.reason === "body"

/** Reasons of errors before the request was sent. */
const unsentReasons: ReadonlySet<unknown> = new Set(["refused", "dns"])

const isUnsent = (thrown: Thrown): boolean =>
  thrown instanceof OutboundError ? unsentReasons.has(thrown.reason) : unsentCodes.test(text(thrown.code))

/** In characters. Shorter values are no secrets, and shorter words of them are such as `blue` or `Bearer`. */
const shortest = { value: 4, word: 8 }

/** Credentials that an error of the provider may repeat: the key, and the configured headers with their words. */
const secretsOf = ({ headers, key }: Provider): ReadonlyArray<string> => {
  const values = [...Object.values(headers), ...(key === undefined ? [] : [key])].map(Redacted.value)
  const words = values.flatMap((value) => value.split(/[\s,;=]+/))
  return [
    ...values.filter(({ length }) => length >= shortest.value),
    ...words.filter(({ length }) => length >= shortest.word)
  ].toSorted((a, b) => b.length - a.length)
}

/** `now` in milliseconds since the epoch. */
export const fromSdk =
  (provider: Provider, model: string | undefined, now: number) =>
  (error: unknown): ModelError => {
    if (error instanceof ModelError) return error
    const make = (
      reason: Reason,
      said: string,
      more: Partial<ConstructorParameters<typeof ModelError>[0]> = {}
    ) => {
      const hidden = secretsOf(provider).reduce((shown, secret) => shown.replaceAll(secret, "[secret]"), said)
      return new ModelError({
        reason,
        provider: provider.name,
        ...(model !== undefined && { model }),
        detail: hidden.slice(0, longest).trim() || "no reason given",
        ...(reason === "auth" && { remedy: `Check ${provider.keySetting}.` }),
        ...(isPassing(reason) && { transient: {} }),
        ...more
      })
    }
    const all = chain(error)
    const [thrown = {}] = all
    const status = typeof thrown.status === "number" ? thrown.status : undefined
    const nested = asThrown(thrown.error)
    const inner = asThrown(nested.error)
    const type =
      [thrown.code, thrown.type, inner.type, inner.code, nested.type]
        .map(text)
        .find((each) => Object.hasOwn(ofType, each)) ?? ""
    const said = text(inner.message) || text(nested.message) || text(thrown.message)
    const reason = reasonOf(
      status ?? (type === "" ? statusOf(thrown.code ?? inner.code) : undefined),
      `${said} ${text(thrown.code)} ${text(thrown.type)}`,
      type
    )
    if (reason !== undefined) {
      const retryAfter = retryAfterOf(thrown.headers, now)
      return make(reason, said, {
        ...(status !== undefined && { status }),
        ...(isPassing(reason) && { transient: retryAfter === undefined ? {} : { retryAfter } })
      })
    }
    const tooLarge = all.find(isTooLarge)
    if (tooLarge !== undefined) {
      return make("bug", text(tooLarge.message), { remedy: "Request less, such as a smaller image." })
    }
    const broken = connectionProblem(all)
    if (broken !== undefined) {
      const unsent = all.some(isUnsent)
      return make("network", broken, unsent ? { sent: false, transient: {} } : {})
    }
    if (thrown.name === "SyntaxError") return make("bug", "the response is not valid JSON")
    return make("bug", said)
  }
