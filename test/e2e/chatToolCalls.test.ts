/** Tools of conversations: which ones the model gets, their progress, and approvals without an answer. */
import { describe, expect } from "bun:test"
import { Deferred, Effect } from "effect"
import { ask, base, chatService, chatSocket, chatWith, script, until } from "../support/chat.ts"
import { it } from "../support/effect.ts"
import { local } from "../support/models.ts"
import { Held, started } from "../support/service.ts"

interface Asked {
  readonly messages: ReadonlyArray<{ readonly role: string; readonly content: unknown }>
  readonly tools?: ReadonlyArray<{ readonly function: { readonly name: string } }>
}
const askedOf = (request: { readonly body: unknown } | undefined) => request?.body as Asked
const toolsOf = (request: { readonly body: unknown } | undefined) =>
  (askedOf(request).tools ?? []).map(({ function: { name } }) => name)

const [operator, caller] = ["o".repeat(40), "c".repeat(40)]
const auth = {
  tokens: [
    { name: "operator", token: operator, scopes: ["read", "call", "admin"] },
    { name: "caller", token: caller, scopes: ["read", "call"] }
  ]
}

const say = (token: string) =>
  Effect.flatMap(base, (url) =>
    Effect.promise(async () => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
      const response = await fetch(new URL("/chat", url), { method: "POST", headers, body: '{"text":"Hi"}' })
      expect(response.status).toBe(200)
      await response.text()
    })
  )

/** Names of the tools that the model gets for a message of the operator, and for one of the caller. */
const offered = Effect.fnUntraced(function* (tools: ReadonlyArray<string> | undefined) {
  const { requests, url } = yield* script(["Hello"])
  const chat = chatWith(tools === undefined ? {} : { tools })
  yield* Effect.andThen(say(operator), say(caller)).pipe(
    Effect.provide(chatService(url, { auth, chat, llm: local(url) }))
  )
  return requests.map(toolsOf)
})

describe("the model gets", () => {
  it.live("all tools that do not administer, if none are named", () =>
    Effect.gen(function* () {
      const [ofOperator = [], ofCaller] = yield* offered(undefined)
      expect(ofOperator).toEqual(expect.arrayContaining(["math_add", "echo", "ask-model"]))
      expect(ofOperator).not.toContain("list_tokens")
      expect(ofCaller).toEqual(ofOperator)
    })
  )

  it.live("the tools of a pattern without those that administer", () =>
    Effect.gen(function* () {
      const [ofOperator, ofCaller] = yield* offered(["math.*", "list_t*"])
      expect(ofOperator).toEqual(["math_add", "math_sub"])
      expect(ofCaller).toEqual(["math_add", "math_sub"])
    })
  )

  it.live("a tool that administers if it is named, and its user may call it", () =>
    Effect.gen(function* () {
      const [ofOperator, ofCaller] = yield* offered(["math.add", "list_tokens"])
      expect(ofOperator).toEqual(["list_tokens", "math_add"])
      expect(ofCaller).toEqual(["math_add"])
    })
  )
})

describe("a tool", () => {
  it.live("that reports progress at its end has all of it before its result", () =>
    Effect.gen(function* () {
      const { url } = yield* script({ calls: [{ id: "c1", name: "tick", args: {} }] }, ["Done."])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Tick") })
        yield* started
        yield* until(client, "progress")
        yield* Effect.flatMap(Held, ({ release }) => Deferred.succeed(release, undefined))
        const frames = yield* until(client, "complete", "error")
        expect(frames.map(({ status }) => status).slice(0, 2)).toEqual(["progress", "tool_result"])
        expect(frames[0]).toMatchObject({ progress: { tool_call_id: "c1", progress: 2, total: 2 } })
      }).pipe(Effect.provide(chatService(url, { chat: chatWith({ approval: "never" }) })))
    })
  )

  it.live("is not called if its user does not approve it in time, and the model learns why", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script({ calls: [{ id: "c1", name: "tick", args: {} }] }, ["Well."])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Tick") })
        const asked = (yield* until(client, "input_required")).at(-1)
        const { expires_at, id } = Object(asked?.["input"]) as {
          readonly expires_at: string
          readonly id: string
        }
        expect(Date.parse(expires_at) - Date.parse(String(asked?.["timestamp"]))).toBeWithin(900, 1101)
        const frames = yield* until(client, "complete", "error")
        expect(frames[0]).toMatchObject({ status: "input_answered", input: { id, action: "expired" } })
        expect(frames.map(({ status }) => status)).not.toContain("tool_call")
        expect(frames.at(-1)).toMatchObject({ status: "complete" })
        const result = askedOf(requests[1]).messages.find(({ role }) => role === "tool")
        expect(result?.content).toContain("did not answer in time")
        // An answer comes too late.
        yield* client.send({ v: 1, action: "answer", payload: { id, action: "accept" } })
        expect((yield* until(client, "error")).at(-1)).toMatchObject({ error: { code: 409 } })
      }).pipe(Effect.provide(chatService(url, { chat: chatWith({ input_timeout: "1 second" }) })))
    })
  )
})
