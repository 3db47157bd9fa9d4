/** HTTP request over a Unix socket, with bounds of time and size. */
import { Effect, Schema } from "effect"

export class UnixRequestError extends Schema.TaggedError<UnixRequestError>()("UnixRequestError", {
  /** No such socket, permission denied, no listener, or a broken or oversized response. */
  reason: Schema.Literals(["absent", "denied", "refused", "broken", "oversized"]),
  /** The system's own message. */
  message: Schema.String
}) {}

export interface UnixResponse {
  readonly status: number
  readonly text: string
}

const reasons: Readonly<Record<string, UnixRequestError["reason"]>> = {
  ENOENT: "absent",
  FailedToOpenSocket: "absent",
  EACCES: "denied",
  EPERM: "denied",
  ECONNREFUSED: "refused",
  ConnectionRefused: "refused"
}

const failure = (cause: unknown): UnixRequestError => {
  if (cause instanceof UnixRequestError) return cause
  const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : ""
  return new UnixRequestError({
    reason: reasons[code] ?? "broken",
    message: cause instanceof Error ? cause.message : String(cause)
  })
}

const readAtMost = async (response: Response, most: number) => {
  const chunks: Array<Uint8Array> = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > most) {
      throw new UnixRequestError({
        reason: "oversized",
        message: `The response has more than ${most} bytes.`
      })
    }
    chunks.push(chunk)
  }
  return new TextDecoder().decode(Buffer.concat(chunks))
}

/** GET `path` of the server at the socket; the response has at most `most` bytes. Aborted when it is interrupted. */
export const getOverUnix = (socket: string, path: string, most: number) =>
  Effect.tryPromise({
    try: async (signal): Promise<UnixResponse> => {
      const response = await fetch(`http://localhost${path}`, { unix: socket, signal, redirect: "error" })
      return { status: response.status, text: await readAtMost(response, most) }
    },
    catch: failure
  })
