/** A service with conversations over a model with the answers of a test, and a client of `/ws/chat`. */
import { Effect, Schema } from "effect"
import { Listener } from "../../layers/http/Listener.ts"
import { ReplyFrame, StoredFrame } from "./chatFrames.ts"
import { chunk, done, events, local, server, usage } from "./models.ts"
import { service } from "./service.ts"
import { webSocket } from "./webSocket.ts"

/** What the model says in one call: pieces of text, or tool calls. */
export type Said =
  | ReadonlyArray<string>
  | { readonly calls: ReadonlyArray<{ readonly id: string; readonly name: string; readonly args: unknown }> }

const isCalls = (said: Said): said is Extract<Said, { readonly calls: unknown }> => "calls" in said

export const response = (said: Said): Response =>
  events([
    ...(isCalls(said)
      ? said.calls.map(({ args, id, name }, index) =>
          chunk({
            tool_calls: [{ index, id, type: "function", function: { name, arguments: JSON.stringify(args) } }]
          })
        )
      : said.map((content) => chunk({ content }))),
    chunk({}, { finish: isCalls(said) ? "tool_calls" : "stop" }),
    usage(10, 5),
    done
  ])

/** The n-th call of the model gets the n-th answer; later ones the last. */
export const script = (...answers: ReadonlyArray<Said | (() => Response | Promise<Response>)>) => {
  let call = 0
  return server(() => {
    const answer = answers[Math.min(call++, answers.length - 1)]
    return typeof answer === "function" ? answer() : response(answer ?? [])
  })
}

export const chatService = (url: string, config: Record<string, unknown> = {}) =>
  service({ llm: local(url), ...config })

export const base = Effect.map(Listener, ({ url }) => new URL(url))

export const chatSocket = Effect.flatMap(base, (url) => webSocket(new URL(`ws://${url.host}/ws/chat`)))

export type Frame = Readonly<Record<string, unknown>>

type ChatClient = Effect.Success<typeof chatSocket>

const decoded = Schema.decodeUnknownEffect(Schema.Union([StoredFrame, ReplyFrame]))
/** Fails if the frame has a field that the page on chat does not have. */
const documented = (frame: Frame) => Effect.orDie(decoded(frame, { onExcessProperty: "error" }))

/** Frames until the first one with that status. */
export const until = (client: ChatClient, ...statuses: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const frames: Array<Frame> = []
    for (;;) {
      const frame = yield* client.next
      if (frame === undefined) return frames
      if (frame["v"] === 1) yield* documented(frame)
      frames.push(frame)
      if (statuses.includes(String(frame["status"]))) return frames
    }
  })

export const ask = (request_id: string, text: string, more: Record<string, unknown> = {}) => ({
  action: "chat",
  request_id,
  payload: { text, ...more }
})

/** The section `chat` with these settings of the service. */
export const chatWith = (settings: Record<string, unknown>) => ({
  service: {
    streaming: { enabled: true },
    context: { max_tokens: 10_000, reserve_tokens: 1000, preserve_recent: 4 },
    max_tool_hops: 8,
    ...settings
  }
})
