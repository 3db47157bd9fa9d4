/** Forwards requests that belong to another worker, such as those of its sessions, over that worker's Unix socket. */
import { existsSync } from "node:fs"
import { firstSocketOf, type Slot, socketOf, workerOf } from "../platform/WorkerSlot.ts"
import { forwardedHeaders } from "./ForwardedRequest.ts"
import type { Forward, Forwardable } from "./ListenerOptions.ts"
import { pathOf } from "./requestRouting.ts"
import { json, reject } from "./responses.ts"

/** Larger bodies, in bytes, are streamed, and those of unknown length. */
const smallBody = 64 * 1024

const sessionHeader = "mcp-session-id"
const messagesPath = "/mcp/messages"
const sessionParameter = /[?&]sessionId=([\w-]+)/

/** Statuses of responses without content (RFC 9110, section 6.4.1). */
const withoutContent: ReadonlySet<number> = new Set([204, 205, 304])

/** Where a request belongs: a worker by its id, or the first. */
type Owner = number | "first"

export interface ForwardOptions {
  readonly slot: Slot
  /** Whether the first worker serves the path, because it has what the path names. */
  readonly isOfFirst: (path: string) => boolean
}

const sessionOf = ({ headers, url }: Request): string | undefined => {
  const id = headers.get(sessionHeader)
  if (id !== null) return id
  return url.includes(messagesPath) ? sessionParameter.exec(url)?.[1] : undefined
}

const lengthOf = (headers: Headers) => Number(headers.get("content-length") ?? Number.NaN)

const bodyOf = async (request: Request) => {
  if (request.body === null || request.method === "GET" || request.method === "HEAD") return null
  return lengthOf(request.headers) <= smallBody ? await request.arrayBuffer() : request.body
}

/** The next part is read when the last one was taken. */
const onDemand = (body: ReadableStream<Uint8Array>, end: () => void): ReadableStream<Uint8Array> => {
  const reader = body.getReader()
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read()
          if (done) controller.close()
          else controller.enqueue(value)
        } catch (cause) {
          controller.error(cause)
        }
      },
      cancel: end
    },
    { highWaterMark: 0 }
  )
}

/** No process listens on the socket any more. */
const isUnreachable = (cause: unknown) =>
  cause instanceof Error &&
  "code" in cause &&
  /^(?:ECONNREFUSED|ENOENT|ConnectionRefused|FailedToOpenSocket)$/.test(String(cause.code))

const gone = (owner: Owner): Response =>
  owner === "first"
    ? json(503, { detail: "The first worker restarts. Retry." }, { "retry-after": "1" })
    : reject(404, "Session not found. Initialize a new one.")

const broken = (owner: Owner): Response => {
  const message = "The worker ended before it responded, and the request may have been served."
  return owner === "first" ? json(502, { detail: message }) : reject(502, message)
}

export const make = ({ isOfFirst, slot }: ForwardOptions): Forward => {
  const isFirst = slot.number === 1

  const send = async (incoming: Forwardable, request: Request, owner: Owner): Promise<Response> => {
    const socket = owner === "first" ? firstSocketOf(slot) : socketOf(slot, owner)
    if (!existsSync(socket)) return gone(owner)
    const controller = new AbortController()
    const end = () => controller.abort()
    request.signal.addEventListener("abort", end, { once: true })
    try {
      const body = await bodyOf(request)
      incoming.keepOpen()
      const given = await fetch(`http://worker${request.url.slice(request.url.indexOf("/", 8))}`, {
        unix: socket,
        method: request.method,
        headers: forwardedHeaders(request, incoming),
        body,
        signal: controller.signal,
        redirect: "manual",
        decompress: false,
        timeout: false
      })
      // The worker has completed its challenge. Its other headers stay, to which this listener adds those of its TLS.
      incoming.ofSite = true
      const { headers, status } = given
      for (const name of ["connection", "keep-alive", "transfer-encoding"]) headers.delete(name)
      const isEmpty = request.method === "HEAD" || withoutContent.has(status) || given.body === null
      if (isEmpty) return new Response(null, { status, headers })
      if (lengthOf(headers) <= smallBody) {
        const whole = await given.arrayBuffer()
        incoming.limitIdle()
        return new Response(whole, { status, headers })
      }
      return new Response(onDemand(given.body, end), { status, headers })
    } catch (cause) {
      // The listener responds with 413.
      if (incoming.exceeded !== undefined) throw cause
      if (controller.signal.aborted) return new Response(null, { status: 499 })
      // Also for a client that stalls within its body, for which the other worker does not wait.
      incoming.limitIdle()
      return isUnreachable(cause) ? gone(owner) : broken(owner)
    }
  }

  return (incoming) => {
    const { request } = incoming
    const session = sessionOf(request)
    const id = session === undefined ? undefined : workerOf(session)
    let owner: Owner | undefined = id === slot.id ? undefined : id
    if (id === undefined && !isFirst && isOfFirst(pathOf(request.url))) owner = "first"
    if (owner === undefined || request.headers.has("upgrade")) return undefined
    const to = owner
    return (limited) => send(incoming, limited, to)
  }
}
