/** Images in results of tools: models that accept images get them, and others are asked again without them. */
import { expect } from "bun:test"
import { Effect, Schema } from "effect"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { rawTool } from "../../src/catalog/rawTool.ts"
import { ask, chatService, chatSocket, response, script, until, type Said } from "../support/chat.ts"
import { it } from "../support/effect.ts"

const data = Buffer.from("not really an image").toString("base64")
const picture = rawTool(
  { name: "picture", inputSchema: { type: "object" }, annotations: { readOnlyHint: true } },
  () =>
    Effect.succeed({
      content: [
        { type: "text", text: "A cat." },
        { type: "image", mimeType: "image/png", data }
      ]
    })
)

const call: Said = { calls: [{ id: "c1", name: "picture", args: {} }] }
const refused = () => Response.json({ error: { message: "images are not supported" } }, { status: 400 })

const Messages = Schema.Struct({
  messages: Schema.Array(Schema.Struct({ role: Schema.String, content: Schema.Unknown }))
})
const lastOf = (request: { readonly body: unknown } | undefined) =>
  JSON.stringify(Schema.decodeUnknownSync(Messages)(request?.body).messages.slice(-2))

const talk = (url: string, ...questions: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    yield* (yield* Catalog).contribute({ owner: "test", entries: { tools: [picture] } })
    const client = yield* chatSocket
    for (const question of questions) {
      yield* client.send({ v: 1, ...ask(question, question) })
      expect((yield* until(client, "complete", "error")).at(-1)).toMatchObject({ status: "complete" })
    }
  }).pipe(Effect.scoped, Effect.provide(chatService(url)))

it.live("a model sees the image that a tool returns", () =>
  Effect.gen(function* () {
    const { requests, url } = yield* script(call, ["A cat."])
    yield* talk(url, "What is it?")
    expect(lastOf(requests[1])).toContain(`data:image/png;base64,${data}`)
  })
)

it.live("a model that refuses the image gets its description, now and later", () =>
  Effect.gen(function* () {
    const { requests, url } = yield* script(call, refused, ["A cat."], () => response(["Still a cat."]))
    yield* talk(url, "What is it?", "And now?")
    expect(requests).toHaveLength(4)
    expect(lastOf(requests[1])).toContain(data)
    expect(lastOf(requests[2])).toContain("[image image/png")
    expect(JSON.stringify(requests[2]?.body)).not.toContain(data)
    expect(JSON.stringify(requests[3]?.body)).not.toContain(data)
  })
)
