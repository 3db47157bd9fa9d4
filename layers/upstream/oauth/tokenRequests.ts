/** A `fetch` for OAuth requests: responses are bounded, and failures of token requests contain no text of the server. */
import type { FetchLike } from "@modelcontextprotocol/client"
import { Schema } from "effect"
import { isObject } from "../../../src/domain/JsonObject.ts"

/** The authorization server has rejected a token request, or could not be reached. */
export class TokenRequestError extends Schema.TaggedError<TokenRequestError>()("TokenRequestError", {
  /** Error code of RFC 6749, section 5.2; `unreachable` without a valid response. */
  code: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

/** Responses that say nothing about the credentials. */
const isTransient = (status: number) => status >= 500 || status === 429 || status === 408

const unreachable = (detail: string) => new TokenRequestError({ code: "unreachable", detail })

/** The error code, if it consists of the characters that RFC 6749 allows. */
const codeOf = (body: string): string | undefined => {
  try {
    const parsed: unknown = JSON.parse(body)
    const error = isObject(parsed) ? parsed.error : undefined
    return typeof error === "string" && /^[\w.:/-]{1,64}$/.test(error) ? error : undefined
  } catch {
    return undefined
  }
}

const isTokenRequest = (init: RequestInit | undefined): boolean => init?.body instanceof URLSearchParams

export const tokenRequests =
  (fetch: FetchLike): FetchLike =>
  async (url, init) => {
    if (!isTokenRequest(init)) return fetch(url, init)
    const { host } = new URL(url)
    let response: Response
    let body: string
    try {
      response = await fetch(url, init)
      body = await response.text()
    } catch (cause) {
      const detail = cause instanceof Error ? cause.message : String(cause)
      throw unreachable(`the authorization server ${host} cannot be reached: ${detail}`)
    }
    const { headers, status } = response
    if (isTransient(status))
      throw unreachable(`the authorization server ${host} responds with HTTP ${status}`)
    const code = codeOf(body)
    if (code !== undefined) {
      throw new TokenRequestError({
        code,
        detail: `the authorization server ${host} rejects the request: ${code}`
      })
    }
    if (!response.ok) throw unreachable(`the authorization server ${host} responds with HTTP ${status}`)
    return new Response(body, { status, headers: { "content-type": headers.get("content-type") ?? "" } })
  }
