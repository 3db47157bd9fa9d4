/** Reads bodies of requests to the OAuth server before they take one of its slots: anyone can send them, and slowly. */
import { Effect } from "effect"
import { bodyTooLarge, json } from "../../http/responses.ts"
import { maxBody } from "./clientRequests.ts"

/** For the whole body, which is short. */
const timeLimit = "10 seconds"

/** The text; `undefined` if it has more than `maxBody` bytes. */
const read = async (body: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<string | undefined> => {
  const reader = body.getReader()
  signal.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true })
  const decoder = new TextDecoder()
  let text = ""
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    size += value.byteLength
    if (size > maxBody) {
      await reader.cancel()
      return undefined
    }
    text += decoder.decode(value, { stream: true })
  }
}

const rejected = (status: number, description: string) =>
  json(status, { error: "invalid_request", error_description: description }, { connection: "close" })

/** The body as text, empty without one; or the rejection of a request whose body is too large, slow or malformed. */
export const receiveBody = ({ body, headers }: Request): Effect.Effect<string | Response> => {
  if (body === null) return Effect.succeed("")
  if (Number(headers.get("content-length")) > maxBody) return Effect.succeed(bodyTooLarge(maxBody))
  return Effect.tryPromise((signal) => read(body, signal)).pipe(
    Effect.map((text) => text ?? bodyTooLarge(maxBody)),
    Effect.orElseSucceed(() => rejected(400, "The body is incomplete or malformed.")),
    Effect.timeoutOrElse({
      duration: timeLimit,
      orElse: () => Effect.succeed(rejected(408, "The body did not arrive in time."))
    })
  )
}

/** The request with another body. */
export const withBody = (request: Request, body: string): Request => {
  const headers = new Headers(request.headers)
  headers.delete("transfer-encoding")
  // Without a length the library takes the body for empty.
  headers.set("content-length", String(new TextEncoder().encode(body).byteLength))
  return new Request(request.url, { headers, method: request.method, body })
}
