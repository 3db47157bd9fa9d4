/** Clients of several workers: streams of HTTP with SSE, questions to users, and conversations. */
import { describe, expect } from "bun:test"
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js"
import { SSEClientTransport as OldSse } from "@modelcontextprotocol/sdk/client/sse.js"
import { StreamableHTTPClientTransport as OldHttp } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js"
import { Effect } from "effect"
import { ask, script, response as said, until } from "../support/chat.ts"
import { info } from "../support/clients.ts"
import { it } from "../support/effect.ts"
import { local } from "../support/models.ts"
import { bearer } from "../support/rest.ts"
import { scattered, workers } from "../support/workers.ts"
import { webSocket } from "../support/webSocket.ts"

const token = "a".repeat(40)
const requestInit = { headers: bearer(token) }
const config = {
  auth: { tokens: [{ name: "admin", token, scopes: ["read", "call", "admin"] }] },
  commands: { named: { hello: { run: ["/bin/echo", "hello"], sandbox: "off", approval: true } } }
}

/** Of eight clients, some send requests to the worker that does not have their stream. */
const clients = Array.from({ length: 8 }, (_, at) => at)

describe("two workers", () => {
  it.live("ask the user of a client, whose answer may arrive at either", () =>
    Effect.gen(function* () {
      const { url } = yield* workers({ config })
      const options = { requestInit, fetch: scattered }
      for (const number of clients) {
        const transport =
          number % 2 === 0 ? new OldHttp(url, options) : new OldSse(new URL("/mcp/sse", url), options)
        yield* Effect.promise(async () => {
          const client = new OldClient(info, { capabilities: { elicitation: {} } })
          const questions: Array<string> = []
          client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
            questions.push(params.message)
            return { action: "accept", content: { approve: true } }
          })
          await client.connect(transport)
          const result = await client.callTool({ name: "run_command", arguments: { command: "hello" } })
          expect(questions).toHaveLength(1)
          expect(JSON.stringify(result.content)).toContain("hello")
          await client.close()
        })
      }
    })
  )

  it.live("show a running turn to all of its clients", () =>
    Effect.gen(function* () {
      const { promise: released, resolve: release } = Promise.withResolvers<undefined>()
      const model = yield* script(async () => {
        await released
        return said(["Hello", " world"])
      })
      const { url } = yield* workers({ config: { llm: local(model.url) } })
      const chat = webSocket(new URL(`ws://${url.host}/ws/chat`))
      const conversation_id = "shared"
      const first = yield* chat
      yield* first.send({ v: 1, conversation_id, ...ask("r1", "Hi") })
      yield* until(first, "processing")
      const others = yield* Effect.forEach(clients, () => chat)
      for (const other of others) yield* other.send({ v: 1, action: "resume", conversation_id, after: 0 })
      for (const other of others) yield* until(other, "processing")
      release(undefined)
      for (const each of [first, ...others]) {
        const frames = yield* until(each, "complete", "error")
        expect(frames.at(-1)).toMatchObject({ status: "complete", conversation_id })
      }
      // The next message may reach either worker.
      for (const [number, other] of others.entries()) {
        yield* other.send({ v: 1, conversation_id, ...ask(`next-${number}`, "And now?") })
        // Each client gets the frames of all turns.
        const ended = yield* Effect.repeat(
          Effect.map(until(other, "complete", "error"), (frames) => frames.at(-1)),
          { until: (frame) => frame?.["request_id"] === `next-${number}` }
        )
        expect(ended).toMatchObject({ status: "complete" })
      }
    })
  )
})
