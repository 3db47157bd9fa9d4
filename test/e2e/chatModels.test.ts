/** Conversations with models that call tools wrongly, and with messages that no model accepts. */
import { describe, expect } from "bun:test"
import { existsSync } from "node:fs"
import { Deferred, Effect, Schedule } from "effect"
import { ask, base, chatService, chatSocket, script, until } from "../support/chat.ts"
import { stateFolder } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { chunk, done, events, local, usage } from "../support/models.ts"
import { Held, started } from "../support/service.ts"
import { UiChat } from "../support/uiChat.ts"

const messagesOf = (request: { readonly body: unknown } | undefined) =>
  (Object(request?.body) as { readonly messages: ReadonlyArray<Record<string, unknown>> }).messages

/** URLs of the workers that are started while the scope is open. */
const startedWorkers = Effect.acquireRelease(
  Effect.sync(() => {
    const { Worker } = globalThis
    const urls: Array<string> = []
    globalThis.Worker = class extends Worker {
      constructor(...args: ConstructorParameters<typeof Worker>) {
        urls.push(String(args[0]))
        super(...args)
      }
    }
    return { Worker, urls }
  }),
  ({ Worker }) => Effect.sync(() => (globalThis.Worker = Worker))
).pipe(Effect.map(({ urls }) => urls))

describe("a model", () => {
  it.live("gets an error for arguments that are not valid JSON", () =>
    Effect.gen(function* () {
      const call = (index: number, args: string) =>
        chunk({
          tool_calls: [
            { index, id: `c${index}`, type: "function", function: { name: "math_add", arguments: args } }
          ]
        })
      const { requests, url } = yield* script(
        () =>
          events([
            call(0, '{"a": 1,'),
            call(1, "[1]"),
            chunk({}, { finish: "tool_calls" }),
            usage(1, 1),
            done
          ]),
        ["Done."]
      )
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "1 + 2?") })
        const frames = yield* until(client, "complete", "error")
        expect(frames.at(-1)).toMatchObject({ status: "complete" })
        const messages = messagesOf(requests[1])
        const results = messages.filter(({ role }) => role === "tool").map(({ content }) => String(content))
        expect(results).toEqual([
          expect.stringContaining("not valid JSON"),
          expect.stringContaining("not a JSON object")
        ])
        const calls = messages[1]?.["tool_calls"] as ReadonlyArray<{ function: { arguments: string } }>
        expect(calls.map((each) => JSON.parse(each.function.arguments))).toEqual([
          { arguments: '{"a": 1,' },
          { arguments: [1] }
        ])
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("is reached with the first connection of a client, before there is a message", () =>
    Effect.gen(function* () {
      const { lists, requests, url } = yield* script(["Done."])
      yield* Effect.gen(function* () {
        yield* chatSocket
        yield* Effect.repeat(
          Effect.sync(() => lists.length),
          { until: (length) => length > 0, schedule: Schedule.spaced("5 millis") }
        )
        yield* chatSocket
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "hello") })
        yield* until(client, "complete")
        expect(lists).toEqual(["/v1/models"])
        expect(requests).toHaveLength(1)
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live(
    "is reached with the first request of a client, which also opens the ledger and starts the tokenizer",
    () =>
      Effect.gen(function* () {
        const { lists, requests, url } = yield* script(["Done."])
        const dir = yield* stateFolder
        const workers = yield* startedWorkers
        yield* Effect.gen(function* () {
          const { host } = yield* base
          yield* Effect.promise(async () => (await fetch(`http://${host}/chat`)).text())
          yield* Effect.repeat(
            Effect.sync(() => [lists.length > 0, existsSync(`${dir}/manifold.db`), workers.length > 0]),
            { until: (seen) => seen.every(Boolean), schedule: Schedule.spaced("5 millis") }
          )
          yield* Effect.promise(async () => (await fetch(`http://${host}/chat`)).text())
          expect([lists, requests]).toEqual([["/v1/models"], []])
          expect(workers).toEqual([expect.stringContaining("tokenWorker")])
        }).pipe(Effect.scoped, Effect.provide(chatService(url, { storage: { dir } })))
      })
  )

  it.live("does not see a message that was refused, so that the conversation can go on", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script(
        ["one"],
        () =>
          Response.json(
            { error: { message: "Invalid image", type: "invalid_request_error" } },
            { status: 400 }
          ),
        ["three"]
      )
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        const say = (id: string, text: string, more = {}) =>
          Effect.andThen(
            client.send(ask(id, text, more)),
            Effect.map(until(client, "complete", "error"), (all) => all.at(-1))
          )
        yield* say("r1", "First")
        const content = [{ type: "image", mimeType: "image/png", data: "bm90IGFuIGltYWdl" }]
        expect(yield* say("r2", "Second", { content })).toMatchObject({ error: { code: 400 } })
        expect(yield* say("r3", "x".repeat(2000))).toMatchObject({ error: { code: 413 } })
        expect(yield* say("r4", "Third")).toMatchObject({ status: "complete" })
        expect(messagesOf(requests[2]).map(({ content: said }) => said)).toEqual(["First", "one", "Third"])
      }).pipe(Effect.provide(chatService(url, { llm: { ...local(url), max_input_bytes: 1000 } })))
    })
  )

  it.live("gets as many messages as fit into the longest input of models", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script(["ok"])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        for (const id of ["r1", "r2", "r3", "r4"]) {
          yield* client.send(ask(id, `${id} ${"x".repeat(400)}`))
          expect((yield* until(client, "complete", "error")).at(-1)).toMatchObject({ status: "complete" })
        }
        const kept = messagesOf(requests[3]).map(({ content }) => String(content).slice(0, 2))
        expect(kept).toEqual(["r3", "ok", "r4"])
      }).pipe(Effect.provide(chatService(url, { llm: { ...local(url), max_input_bytes: 1000 } })))
    })
  )

  it.live("may need more approvals at once than tools run at once", () =>
    Effect.gen(function* () {
      const calls = Array.from({ length: 12 }, (_, index) => ({ id: `c${index}`, name: "ask", args: {} }))
      const { url } = yield* script({ calls }, ["Done."])
      yield* Effect.gen(function* () {
        const chat = new UiChat(yield* base, "chat-1")
        yield* Effect.promise(() => chat.sendMessage({ text: "Do all" }))
        expect(chat.shown.slice(1)).toEqual(calls.map(() => "dynamic-tool approval-requested"))
        const stop = new URL("/chat/chat-1/stop", yield* base)
        yield* Effect.promise(() => fetch(stop, { method: "POST" }))
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("goes on after an approval also for a page that is loaded again", () =>
    Effect.gen(function* () {
      const { url } = yield* script({ calls: [{ id: "c1", name: "wait", args: {} }] }, ["Done."])
      yield* Effect.gen(function* () {
        const chat = new UiChat(yield* base, "chat-2")
        yield* Effect.promise(() => chat.sendMessage({ text: "Wait" }))
        const ids = (chat.lastMessage?.parts ?? []).flatMap((part) =>
          "approval" in part && part.approval !== undefined ? [part.approval.id] : []
        )
        for (const id of ids) void chat.addToolApprovalResponse({ id, approved: true })
        yield* started
        const reloaded = new UiChat(yield* base, "chat-2", chat.messages.slice(0, 1))
        const resumed = reloaded.resumeStream()
        // A turn that has ended has no stream.
        yield* Effect.repeat(
          Effect.sync(() => reloaded.lastMessage?.role === "assistant"),
          { schedule: Schedule.spaced("5 millis"), until: (met) => met }
        )
        yield* Effect.flatMap(Held, ({ release }) => Deferred.succeed(release, undefined))
        yield* Effect.promise(() => resumed)
        expect(reloaded.shown).toEqual([
          "step-start",
          "dynamic-tool output-available",
          "step-start",
          "text done"
        ])
      }).pipe(Effect.provide(chatService(url)))
    })
  )
})
