/** Sends requests whose response is a stream of events, and reads it. Not by the SDKs, which would double its CPU time. */
import type { ConfiguredFetch } from "../outbound/configuredFetch.ts"
import type { Sink } from "./Adapter.ts"
import { eventBatches, type ServerEvent } from "./eventStream.ts"
import { objectOf } from "./fields.ts"
import { ModelError } from "./ModelError.ts"

export interface Endpoint {
  /** The provider's name. */
  readonly provider: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Makes the SDK's error of a status: `sdkErrors.ts` reads it. */
  readonly failure: (
    status: number,
    body: object | undefined,
    text: string | undefined,
    headers: Headers
  ) => Error
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const statusError = async (response: Response, { failure }: Endpoint): Promise<Error> => {
  const text = await response.text().catch(() => "")
  const value = parsed(text)
  // Gemini sends a list with one error.
  const body = objectOf(Array.isArray(value) ? value[0] : value)
  // Some compatible servers send the error itself, outside of `error`.
  const wrapped = body === undefined || body["error"] ? body : { error: body }
  return failure(response.status, wrapped, body === undefined ? text : undefined, response.headers)
}

/** Resolves once the server has accepted the request. Errors are those of the SDK or of `fetch`. */
export const eventRequest = async (
  fetch: ConfiguredFetch,
  endpoint: Endpoint,
  body: object,
  signal: AbortSignal
): Promise<Response> => {
  const { headers, provider, url } = endpoint
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal })
  if (!response.ok) throw await statusError(response, endpoint)
  const type = response.headers.get("content-type")
  if (type === null || /event-stream|octet-stream|text\/plain/i.test(type)) return response
  // Some proxies send errors with status 200.
  const error = /json/i.test(type) ? objectOf(parsed(await response.text()))?.["error"] : undefined
  if (error) throw Object.assign(new Error("an error with status 200"), { error: { error } })
  // A page of HTML or a JSON object would look like a stream without events.
  await response.body?.cancel().catch(() => {})
  const detail = `the response is ${type.slice(0, 100)} instead of text/event-stream`
  throw new ModelError({ reason: "bug", provider, detail })
}

/** Passes on all events of each read, and then flushes the sink. Reads without an event, such as heartbeats, count as life. */
export const readEvents = async (
  { body }: Response,
  sink: Sink,
  read: (event: ServerEvent) => void
): Promise<void> => {
  sink.alive()
  if (body === null) return
  for await (const events of eventBatches(body)) {
    sink.alive()
    try {
      for (const event of events) read(event)
    } finally {
      // What came before an invalid event was received as well.
      await sink.flush()
    }
  }
}
