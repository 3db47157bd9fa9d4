/** Model calls against real HTTP servers: aimock with fixtures, or a server that sends what a test says, piece by piece. */
import { type Fixture, LLMock } from "@copilotkit/aimock"
import { Cause, Effect, Exit, Layer, Stream } from "effect"
import type * as Response_ from "effect/ai/Response"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Budget } from "../../layers/guard/Budget.ts"
import { Guard } from "../../layers/guard/Guard.ts"
import { Calls, type Call, type Outcome } from "../../layers/ledger/Calls.ts"
import type { ModelRequest } from "../../layers/models/ModelRequest.ts"
import { Models } from "../../layers/models/Models.ts"
import { Outbound } from "../../layers/outbound/Outbound.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import { ledger } from "./guard.ts"

/** A running aimock; `/v1` under its URL is OpenAI's interface. */
export const aimock = (...fixtures: ReadonlyArray<Fixture>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const mock = new LLMock({ port: 0, host: "127.0.0.1" })
      mock.addFixtures([...fixtures])
      await mock.start()
      return mock
    }),
    (mock) => Effect.promise(() => mock.stop())
  )

/** A server on a free port; `models` is what its list of models has, or its absence. `lists`: paths of requests for it. */
export const server = (
  answer: (request: Request) => Response | Promise<Response>,
  models?: ReadonlyArray<string>
) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const requests: Array<{ readonly path: string; readonly body: unknown; readonly headers: Headers }> = []
      const lists: Array<string> = []
      const running = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        idleTimeout: 0,
        fetch: async (request) => {
          const path = new URL(request.url).pathname
          if (request.method === "GET") {
            lists.push(path)
            if (models === undefined) return new Response("no list", { status: 404 })
            if (path.endsWith("/models")) {
              return Response.json({ object: "list", data: models.map((id) => ({ id, object: "model" })) })
            }
            const id = decodeURIComponent(path.slice(path.indexOf("/models/") + 8))
            return models.includes(id) ? Response.json({ id }) : new Response("{}", { status: 404 })
          }
          requests.push({ path, body: await request.clone().json(), headers: request.headers })
          return answer(request)
        }
      })
      return { url: `http://127.0.0.1:${running.port}/v1`, lists, requests, stop: () => running.stop(true) }
    }),
    ({ stop }) => Effect.promise(() => stop())
  )

const encoder = new TextEncoder()

const toText = (data: ReadonlyArray<object | string>) =>
  data.map((each) => (typeof each === "string" ? each : `data: ${JSON.stringify(each)}\n\n`)).join("")

/** A response of server-sent events; `last` says how the stream ends: closed, or never. */
export const events = (
  data: ReadonlyArray<object | string>,
  last: "closed" | "open" = "closed",
  cancelled: () => void = () => {}
): Response => {
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(encoder.encode(toText(data)))
      if (last === "closed") controller.close()
    },
    pull: () => (last === "open" ? new Promise<void>(() => {}) : undefined),
    cancel: cancelled
  })
  return new Response(stream, { headers: { "content-type": "text/event-stream" } })
}

/** A server whose responses stop in the middle of the body, until `cut` breaks the connections; it has no list of models. */
export const cutting = (data: ReadonlyArray<object | string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const requests: Array<string> = []
      const open = new Set<Bun.Socket>()
      const text = toText(data)
      const listener = Bun.listen({
        port: 0,
        hostname: "127.0.0.1",
        socket: {
          data: (socket, bytes) => {
            const [line = ""] = bytes.toString().split("\r\n")
            if (line.startsWith("GET")) {
              socket.end("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
              return
            }
            if (!line.startsWith("POST")) return
            requests.push(line)
            const head =
              "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            open.add(socket)
            socket.write(`${head}${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
          }
        }
      })
      return {
        url: `http://127.0.0.1:${listener.port}/v1`,
        requests,
        cut: () => open.forEach((socket) => socket.terminate()),
        stop: () => listener.stop(true)
      }
    }),
    ({ stop }) => Effect.sync(stop)
  )

export const done = "data: [DONE]\n\n"

interface Delta {
  readonly [key: string]: unknown
}
/** One chunk of Chat Completions. */
export const chunk = (delta: Delta, more: { readonly finish?: string; readonly usage?: object } = {}) => ({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 1,
  model: "gpt-4o-2024-08-06",
  choices: [{ index: 0, delta, finish_reason: more.finish ?? null }],
  ...(more.usage !== undefined && { usage: more.usage })
})
export const usage = (input: number, output: number, more: object = {}) => ({
  ...chunk({}),
  choices: [],
  usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output, ...more }
})

/** A configured provider, without pauses between attempts. */
export const models = (
  llm: Record<string, unknown> | undefined,
  options: {
    readonly budget?: Layer.Layer<Budget>
    readonly limits?: Record<string, unknown>
    readonly env?: Record<string, string>
    readonly prices?: Record<string, unknown>
    /** In place of a configuration made of the other options. */
    readonly config?: Layer.Layer<ConfigSource>
  } = {}
) => {
  const { budget = Budget.layerUnlimited, env = {}, limits = {}, prices } = options
  const made = ConfigSource.layerFrom(
    {
      limits: { retry: { first_delay: "1 millis", max_delay: "20 millis" }, ...limits },
      ...(llm !== undefined && { llm }),
      ...(prices !== undefined && { prices })
    },
    env
  )
  return Models.layer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Guard.layer.pipe(Layer.provide(budget)),
        ProgressEvents.layer,
        Outbound.layer,
        Environment.layerTest(env)
      )
    ),
    Layer.provideMerge(ledger),
    Layer.provideMerge(Ids.layer),
    Layer.provideMerge(options.config ?? made)
  )
}

/** An OpenAI-compatible server as the only provider, called `local`. */
export const local = (url: string, more: Record<string, unknown> = {}) => ({
  active: "local",
  providers: { local: { base_url: url, model: "m", ...more } }
})

/** OpenAI itself, at another address. */
export const openai = (url: string, more: Record<string, unknown> = {}) => ({
  active: "openai",
  providers: { openai: { api_key: "sk-test-key", base_url: url, model: "gpt-4o", ...more } }
})

/** The parts of an answer, and how it ended. `onText` is called for each part of its text. */
export const collect = Effect.fnUntraced(function* (
  request: Partial<ModelRequest> = {},
  onText: () => void = () => {}
) {
  const parts: Array<Response_.StreamPartEncoded> = []
  const exit = yield* (yield* Models).stream({ prompt: "hello", ...request }).pipe(
    Stream.runForEach((part) =>
      Effect.sync(() => {
        parts.push(part)
        if (part.type === "text-delta") onText()
      })
    ),
    Effect.exit
  )
  const text = parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join("")
  const finish = parts.find((part) => part.type === "finish")
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  return {
    parts,
    text,
    finish,
    error: error as { readonly _tag: string; readonly message: string } | undefined
  }
})

/** Calls that ended since, with their outcomes. */
export const finished = Effect.gen(function* () {
  const ended: Array<{ readonly call: Call; readonly outcome: Outcome }> = []
  yield* (yield* Calls).observe({ finished: (call, outcome) => ended.push({ call, outcome }) })
  return ended
})
