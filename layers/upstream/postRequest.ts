/** Sends a request over streamable HTTP and reads its response, with fewer copies and checks than the SDK's transport. */
import type { FetchLike, Transport } from "@modelcontextprotocol/client"
import { Effect, Schema } from "effect"
import { isObject, type JsonObject } from "../../src/domain/JsonObject.ts"
import { EventLimit, isEventStream, limitEvents } from "./EventLimit.ts"
import { toHeaderValue } from "./headerValue.ts"
import { EventParser } from "./EventParser.ts"
import type { MessageTooLarge } from "./PendingRequests.ts"

/** A request to send. `params` are those of the message. */
export interface Outgoing {
  readonly id: string
  readonly method: string
  readonly params: JsonObject
}

export interface PostOptions {
  /** Aborted when the caller no longer waits for the response. The same one at each call. */
  readonly signal: () => AbortSignal
  /** Headers of this request only. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Takes each message of the response. */
  readonly deliver: (message: unknown) => void
  /** Whether the request still waits for its response. */
  readonly waits: () => boolean
  readonly stateless: boolean
  /** Protocol version that was negotiated. */
  readonly version: string | undefined
}

/** Resolves when the response was delivered. */
export type Post = (request: Outgoing, options: PostOptions) => Promise<void>

/** The server answered with an HTTP status that is not a success, or without a response to the request. */
export class PostError extends Schema.TaggedError<PostError>()("PostError", {
  status: Schema.Int,
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

/** Maximum length of an error response in an error message, in characters. */
const longestDetail = 500

/** Delay before a stream is resumed whose server sets none, in milliseconds. */
const defaultRetry = 1000

/** The parameter that `Mcp-Name` repeats (MCP 2026-07-28, streamable HTTP). */
const nameOf = ({ method, params }: Outgoing): unknown =>
  method === "tools/call" || method === "prompts/get"
    ? params.name
    : method === "resources/read"
      ? params.uri
      : undefined

const statelessHeaders = (request: Outgoing) => {
  const name = nameOf(request)
  return {
    "mcp-method": request.method,
    ...(typeof name === "string" && { "mcp-name": toHeaderValue(name) })
  }
}

/** Whether the SDK's transport repeats the request: it follows redirects within the origin and obtains tokens. */
const isForSdk = (status: number) => status === 401 || status === 403 || (status >= 300 && status < 400)

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export interface PostTransport {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly fetch: FetchLike
  /** Maximum size of an event in bytes. */
  readonly maxBytes: number
  readonly transport: Transport
  /** Access token of the server, if it has one. */
  readonly token?: (() => string | undefined | Promise<string | undefined>) | undefined
}

export const postRequest = ({ fetch, headers, maxBytes, token, transport, url }: PostTransport): Post => {
  const fail = async (response: Response, request: Outgoing, { deliver, stateless }: PostOptions) => {
    const { status } = response
    const text = await limitEvents(response, { maxBytes, onTooLarge: () => {} })
      .text()
      .catch(() => "")
    const message = stateless ? parse(text) : undefined
    if (isObject(message) && message.id === request.id && isObject(message.error)) return deliver(message)
    const detail = `the server answered ${request.method} with HTTP ${status}: ${text.slice(0, longestDetail)}`
    throw new PostError({ status, detail })
  }

  const readStream = async (
    response: Response,
    message: JsonObject & Outgoing,
    { deliver, signal: signalOf, waits }: PostOptions
  ) => {
    const events = new EventParser({
      data: (text) => {
        const parsed = parse(text)
        if (parsed !== undefined) deliver(parsed)
      }
    })
    /** Of the response, or of a message that may be it. */
    let tooLarge: MessageTooLarge | undefined
    const limit = new EventLimit({
      maxBytes,
      onTooLarge: (error) => {
        if (error.id === undefined || error.id === message.id) tooLarge = error
      }
    })
    let cause: unknown
    try {
      const decoder = new TextDecoder()
      for await (const chunk of response.body ?? []) {
        events.push(decoder.decode(limit.push(chunk), { stream: true }))
        if (tooLarge?.id !== undefined) break
      }
      limit.end()
    } catch (error) {
      cause = error
    }
    if (!waits()) return
    if (tooLarge !== undefined) throw tooLarge
    const { lastId, retry = defaultRetry } = events
    if (lastId === undefined) {
      const detail = "the server ended the stream before its response"
      throw cause instanceof Error ? cause : new PostError({ status: response.status, detail })
    }
    const signal = signalOf()
    await Effect.runPromise(Effect.sleep(retry), { signal }).catch(() => {})
    if (signal.aborted) return
    // The SDK resumes the stream, and delivers its messages as those of the transport.
    await transport.send({ ...message, jsonrpc: "2.0" }, { resumptionToken: lastId, requestSignal: signal })
  }

  return async (request, options) => {
    const { deliver, headers: own, stateless, version } = options
    const signal = options.signal()
    const message = { jsonrpc: "2.0" as const, ...request }
    const found = token?.()
    const access = found instanceof Promise ? await found : found
    const { sessionId } = transport
    const response = await fetch(url, {
      method: "POST",
      body: JSON.stringify(message),
      signal,
      redirect: "manual",
      headers: {
        ...headers,
        ...own,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...(version !== undefined && { "mcp-protocol-version": version }),
        ...(sessionId !== undefined && { "mcp-session-id": sessionId }),
        ...(access !== undefined && { authorization: `Bearer ${access}` }),
        ...(stateless && statelessHeaders(request))
      }
    })
    if (!response.ok) {
      if (!isForSdk(response.status)) return fail(response, request, options)
      await response.body?.cancel()
      return transport.send(message, { requestSignal: signal, ...(own !== undefined && { headers: own }) })
    }
    if (isEventStream(response)) return readStream(response, message, options)
    const type = response.headers.get("content-type") ?? ""
    if (!type.startsWith("application/json")) {
      await response.body?.cancel()
      const detail = `the server answered ${request.method} with the content type "${type}"`
      throw new PostError({ status: response.status, detail })
    }
    const body: unknown = await response.json()
    for (const each of Array.isArray(body) ? body : [body]) deliver(each)
    if (options.waits()) {
      throw new PostError({ status: response.status, detail: "the server sent no response to the request" })
    }
  }
}
