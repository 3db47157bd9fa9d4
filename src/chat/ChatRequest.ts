/** A request to an endpoint under `/chat`: its parameters and its body. */
import { Effect } from "effect"
import type { Connection } from "../../layers/http/Routes.ts"
import type { Grant } from "../../layers/identity/Grant.ts"
import { MessageRejection, toValue } from "../../layers/transports/jsonRpc.ts"
import type { StreamLimits } from "../../layers/transports/StreamLimits.ts"
import { refusal, type ChatRefusal } from "./ChatRefusal.ts"

export interface ChatRequest {
  readonly request: Request
  readonly connection: Connection
  readonly grant: Grant
  readonly url: URL
}

/** `id`: of the conversation. */
export type ChatEndpoint = (request: ChatRequest, id: string) => Effect.Effect<Response, ChatRefusal>

export const wantsEvents = ({ request }: ChatRequest): boolean =>
  request.headers.get("accept")?.includes("text/event-stream") === true

/** Fails unless the text is an integer from `least` to `most`. */
export const integer = Effect.fnUntraced(function* (
  name: string,
  given: string,
  least: number,
  most: number
) {
  const value = given === "" ? NaN : Number(given)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  return yield* refusal(400, `${name} must be an integer from ${least} to ${most}.`)
})

/** The query parameter, or `usual` if it is absent. */
export const query = ({ url }: ChatRequest, name: string, usual: number, least: number, most: number) => {
  const given = url.searchParams.get(name)
  return given === null ? Effect.succeed(usual) : integer(name, given, least, most)
}

/** The JSON of the body, within the limits of a message. */
export const bodyOf = Effect.fnUntraced(function* ({ request }: ChatRequest, limits: StreamLimits) {
  const type = request.headers.get("content-type") ?? ""
  if (!/^application\/json\b/i.test(type)) {
    return yield* refusal(415, "Content-Type must be application/json.")
  }
  const bytes = yield* Effect.promise(() => request.bytes())
  if (bytes.byteLength > limits.maxMessageBytes) {
    return yield* refusal(413, `Body too large: at most ${limits.maxMessageBytes} bytes.`)
  }
  const value = toValue(bytes, limits.bounds)
  return value instanceof MessageRejection ? yield* refusal(value.status, value.message) : value
})
