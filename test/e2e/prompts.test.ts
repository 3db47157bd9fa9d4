/** Prompts with the official clients of both SDK generations: list, completion, get, and template changes. */
import { describe, expect } from "bun:test"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio"
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport as OldStdio } from "@modelcontextprotocol/sdk/client/stdio.js"
import { PromptListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js"
import { Effect } from "effect"
import { info, newClients, pinned } from "../support/clients.ts"
import { it } from "../support/effect.ts"
import { endpoint, service } from "../support/service.ts"
import { command } from "../support/stdio.ts"

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-prompts-"))),
  (dir) => Effect.promise(() => rm(dir, { recursive: true, force: true }))
)

const configuration = (dir: string) => ({
  templates: { dir },
  prompts: { summarize: { defaults: { tone: "dry" }, clients: { acme: { tone: "detailed" } } } }
})

/** Command, arguments and environment of the stdio server. */
const started = (dir: string) => ({
  ...command,
  env: {
    PATH: process.env.PATH ?? "",
    HOME: dir,
    MCP_CONFIG_JSON: JSON.stringify({ ...configuration(dir), storage: { dir: join(dir, "state") } })
  },
  stderr: "ignore" as const
})

/** The common interface of both clients. */
interface PromptClient {
  listPrompts: () => Promise<{ prompts: Array<{ name: string; icons?: unknown; arguments?: unknown }> }>
  getPrompt: (request: { name: string; arguments?: Record<string, string> }) => Promise<{ messages: unknown }>
  complete: (request: {
    ref: { type: "ref/prompt"; name: string }
    argument: { name: string; value: string }
  }) => Promise<{ completion: { values: Array<string> } }>
}

const text = (messages: unknown) => {
  expect(messages).toMatchObject([{ role: "user", content: { type: "text" } }])
  return (messages as [{ content: { text: string } }])[0].content.text
}

/** Lists, completes and gets prompts, and checks the errors. */
const use = async (client: PromptClient) => {
  const { prompts } = await client.listPrompts()
  expect(prompts.map(({ name }) => name)).toEqual(["content_create", "summarize"])
  expect(prompts[1]).toMatchObject({
    title: "Summarize a topic",
    icons: [{ mimeType: "image/svg+xml", src: expect.stringContaining("data:image/svg+xml,") }],
    arguments: expect.arrayContaining([
      { name: "topic", description: expect.any(String), required: true },
      { name: "bullets_min", description: expect.stringContaining("Default: 4."), required: false }
    ])
  })
  const { messages } = await client.getPrompt({
    name: "summarize",
    arguments: { topic: "{{it.tone}} & more", bullets_min: "2", client_id: "acme" }
  })
  expect(text(messages)).toContain("<topic>{{it.tone}} & more</topic>")
  expect(text(messages)).toContain("<tone>detailed</tone>")
  expect(text(messages)).toContain("between 2 and 6 bullet points")
  const { completion } = await client.complete({
    ref: { type: "ref/prompt", name: "summarize" },
    argument: { name: "audience", value: "e" }
  })
  expect(completion.values.slice(0, 3)).toEqual(["executives", "engineers", "experts"])
  await expect(client.getPrompt({ name: "summarize" })).rejects.toMatchObject({
    code: -32602,
    message: expect.stringContaining("topic: required, but missing")
  })
  await expect(client.getPrompt({ name: "absent" })).rejects.toMatchObject({ code: -32602 })
}

/** Saves an operator's template, waits for the list-changed notification, and gets the prompt again. */
const edit = async (client: PromptClient, dir: string, heard: Promise<unknown>) => {
  await writeFile(join(dir, "summarize.sqrl"), "Mine: {{ it.topic }}, {{ it.tone }}\n")
  await heard
  const { messages } = await client.getPrompt({ name: "summarize", arguments: { topic: "x" } })
  expect(text(messages)).toBe("Mine: x, dry")
}

describe("prompts over stdio work with the client", () => {
  for (const [name, make, version] of newClients) {
    it.live(name, () =>
      Effect.gen(function* () {
        const dir = yield* folder
        yield* Effect.promise(async () => {
          const heard = Promise.withResolvers<void>()
          const onChanged = () => heard.resolve()
          const client = make({ listChanged: { prompts: { autoRefresh: false, debounceMs: 0, onChanged } } })
          await client.connect(new StdioClientTransport(started(dir)))
          expect(client.getNegotiatedProtocolVersion()).toBe(version)
          await use(client)
          await edit(client, dir, heard.promise)
          await client.close()
        })
      })
    )
  }

  it.live("SDK 1.32.2", () =>
    Effect.gen(function* () {
      const dir = yield* folder
      yield* Effect.promise(async () => {
        const heard = Promise.withResolvers<void>()
        const client = new OldClient(info)
        client.setNotificationHandler(PromptListChangedNotificationSchema, () => heard.resolve())
        await client.connect(new OldStdio(started(dir)))
        await use(client)
        await edit(client, dir, heard.promise)
        await client.close()
      })
    })
  )
})

it.live("prompts over stateless HTTP work with a subscription to list changes", () =>
  Effect.gen(function* () {
    const dir = yield* folder
    yield* Effect.gen(function* () {
      const url = yield* endpoint
      yield* Effect.promise(async () => {
        const heard = Promise.withResolvers<void>()
        const client = pinned()
        client.setNotificationHandler("notifications/prompts/list_changed", () => heard.resolve())
        await client.connect(new StreamableHTTPClientTransport(url))
        await use(client)
        const subscription = await client.listen({ promptsListChanged: true })
        await edit(client, dir, heard.promise)
        await subscription.close()
        await client.close()
      })
    }).pipe(Effect.provide(service(configuration(dir))))
  })
)
