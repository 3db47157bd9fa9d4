/** Sends requests of Chat Completions and reads their chunks. Not by `openai`, which would double the CPU time of a stream. */
import { Redacted } from "effect"
import OpenAI from "openai"
import type { ConfiguredFetch } from "../outbound/configuredFetch.ts"
import { ModelError } from "./ModelError.ts"
import { eventBatches } from "./eventStream.ts"
import type { Provider } from "./Provider.ts"

type Body = OpenAI.ChatCompletionCreateParamsStreaming
type Chunk = OpenAI.ChatCompletionChunk

/** Configured headers replace the usual ones of the same name. */
const headersOf = ({ headers, key }: Provider): Readonly<Record<string, string>> => {
  const all = new Headers({ accept: "application/json", "content-type": "application/json" })
  if (key !== undefined) all.set("authorization", `Bearer ${Redacted.value(key)}`)
  for (const [name, value] of Object.entries(headers)) all.set(name, Redacted.value(value))
  return Object.fromEntries(all)
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

/** The error of the SDK: `sdkErrors.ts` reads the fields that all servers name alike. */
const statusError = async (response: Response): Promise<Error> => {
  const text = await response.text().catch(() => "")
  const body = parsed(text)
  // Some compatible servers send the error itself, outside of `error`.
  const wrapped = isObject(body) && "error" in body && body.error != null ? body : { error: body }
  return OpenAI.APIError.generate(
    response.status,
    isObject(body) ? wrapped : undefined,
    isObject(body) ? undefined : text,
    response.headers
  )
}

/** Fields of a chunk that are an error instead. */
interface Failed {
  readonly error?: unknown
}

const chunkOf = (event: string, data: string, headers: Headers): Chunk => {
  const chunk = JSON.parse(data) as Chunk & Failed
  if (event === "error" || chunk?.error) {
    throw new OpenAI.APIError(undefined, (chunk?.error ?? chunk) as object, undefined, headers)
  }
  return chunk
}

/** Chunks of one response in batches, each of one read; a batch ends early with the error of a chunk, which it throws. */
export interface ChunkBatches extends AsyncIterable<Iterable<Chunk>> {}

/** Resolves once the server has accepted the request. Errors are those of the SDK or of `fetch`. */
export const chatRequest = (provider: Provider, fetch: ConfiguredFetch) => {
  const url = `${provider.baseUrl}/chat/completions`
  const headers = headersOf(provider)

  /** A page of HTML or a JSON object would look like a stream without events. */
  const requireEvents = async (response: Response) => {
    const type = response.headers.get("content-type")
    if (type === null || /event-stream|octet-stream|text\/plain/i.test(type)) return
    await response.body?.cancel()
    const detail = `the response is ${type.slice(0, 100)} instead of text/event-stream`
    throw new ModelError({ reason: "bug", provider: provider.name, detail })
  }

  return async (body: Body, signal: AbortSignal): Promise<ChunkBatches> => {
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal })
    if (!response.ok) throw await statusError(response)
    await requireEvents(response)
    return batches(response)
  }
}

async function* batches({ body, headers }: Response) {
  if (body === null) return
  for await (const events of eventBatches(body)) yield chunks(events, headers)
}

function* chunks(events: Iterable<{ readonly event: string; readonly data: string }>, headers: Headers) {
  for (const { data, event } of events) yield chunkOf(event, data, headers)
}
