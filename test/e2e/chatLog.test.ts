/** Log of a service: lines about the turns of its conversations, over each transport. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { ask, chatWith, script, until } from "../support/chat.ts"
import { stateFolder } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { local } from "../support/models.ts"
import { servingProcess } from "../support/servingProcess.ts"
import { webSocket } from "../support/webSocket.ts"

/** Lines of the log of a process that is started, used and stopped. */
const logOf = Effect.fnUntraced(function* (
  model: string,
  env: Readonly<Record<string, string>>,
  use: (url: URL) => Effect.Effect<void>
) {
  const dir = yield* stateFolder
  const context = { max_tokens: 1000, reserve_tokens: 100, preserve_recent: 2 }
  const config = {
    llm: local(model),
    chat: chatWith({ context, tools: [] }),
    storage: { dir },
    logging: { file: "logs/manifold.log" }
  }
  const { child, url } = yield* servingProcess({ config, env })
  yield* use(url)
  child.kill()
  yield* Effect.promise(() => child.exited)
  const text = yield* Effect.promise(() => Bun.file(`${dir}/logs/manifold.log`).text())
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)
})

const overSocket = (url: URL) =>
  Effect.scoped(
    Effect.gen(function* () {
      const client = yield* webSocket(new URL(`ws://${url.host}/ws/chat`))
      yield* client.send(ask("r1", "Hello there"))
      yield* until(client, "complete", "error")
    })
  )

const overHttp = (url: URL) =>
  Effect.promise(async () => {
    const headers = { "content-type": "application/json" }
    await (
      await fetch(new URL("/chat", url), { method: "POST", headers, body: '{"text":"Hello there"}' })
    ).text()
  })

describe("the log", () => {
  for (const [transport, use] of [
    ["WebSocket", overSocket],
    ["HTTP", overHttp]
  ] as const) {
    it.live(`has the arithmetic of the context window with DEBUG_TOKENS=1, over ${transport}`, () =>
      Effect.gen(function* () {
        const { url } = yield* script(["Hi."])
        const lines = yield* logOf(url, { DEBUG_TOKENS: "1" }, use)
        const window = lines.filter(({ message }) => message === "context window")
        expect(window).toEqual([
          {
            timestamp: expect.any(String),
            level: "info",
            message: "context window",
            conversation_id: expect.any(String),
            max_tokens: 1000,
            reserve_tokens: 100,
            preserve_recent: 2,
            fixed_tokens: 0,
            // Two of the text, four of the message.
            used_tokens: 6,
            kept: 1,
            dropped: 0
          }
        ])
        expect(lines.find(({ kind }) => kind === "turn")).toMatchObject({
          message: "call finished",
          conversation_id: window[0]?.["conversation_id"],
          status: "succeeded",
          duration_ms: expect.any(Number)
        })
      })
    )
  }

  it.live("has the conversation and the class of the error of a turn that fails", () =>
    Effect.gen(function* () {
      const { url } = yield* script(() => new Response("{}", { status: 401 }))
      const lines = yield* logOf(url, {}, overSocket)
      expect(lines.filter(({ message }) => message === "context window")).toEqual([])
      expect(lines.find(({ kind }) => kind === "turn")).toMatchObject({
        conversation_id: expect.any(String),
        status: "failed",
        error_class: "auth"
      })
    })
  )
})
