/** Model tools on stdio, with the program started from an entry like those of `claude_desktop_config.json`. */
import { describe, expect } from "bun:test"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { Deferred, Effect, Fiber } from "effect"
import { info } from "../support/clients.ts"
import { it } from "../support/effect.ts"
import { aimock, chunk, events, openai, server } from "../support/models.ts"
import { command, manifold } from "../support/stdio.ts"

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

/** A client of the program whose only model variables are these. */
const connected = (env: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new Client(info)
      const entry = { ...command, env: { XDG_CONFIG_HOME: "/nowhere", ...env } }
      await client.connect(new StdioClientTransport({ ...entry, stderr: "ignore" }))
      return client
    }),
    (client) => Effect.promise(() => client.close())
  )

const configured = (url: string) => ({
  MCP_CONFIG_JSON: JSON.stringify({ llm: openai(url, { image_model: "gpt-image-1" }) })
})

describe("an entry of a client's configuration", () => {
  it.live("with OPENAI_API_KEY adds the model tools, and without a key adds none", () =>
    Effect.gen(function* () {
      const names = (env: Record<string, string>) =>
        Effect.scoped(
          Effect.flatMap(connected(env), (client) =>
            Effect.promise(async () => (await client.listTools()).tools.map(({ name }) => name))
          )
        )
      expect(yield* names({ OPENAI_API_KEY: "your-key-here" })).toEqual(
        expect.arrayContaining(["ask-model", "ask-openai", "create-image"])
      )
      const without = yield* names({})
      expect(without).toContain("echo")
      expect(without.filter((name) => /^(ask|create)-/.test(name))).toEqual([])
    })
  )
})

it.live("a client gets progress before the text of a model, and an image as image content", () =>
  Effect.gen(function* () {
    const mock = yield* aimock(
      { match: { endpoint: "image" }, response: { images: [{ b64Json: png }] } },
      {
        match: {},
        response: { content: "one two three four five six" },
        chunkSize: 4,
        streamingProfile: { ttft: 1, tps: 100 }
      }
    )
    const client = yield* connected(configured(`${mock.url}/v1`))
    const seen: Array<number> = []
    const text = yield* Effect.promise(() =>
      client.callTool({ name: "ask-openai", arguments: { query: "count" } }, undefined, {
        onprogress: ({ progress }) => seen.push(progress)
      })
    )
    expect(text.content).toEqual([{ type: "text", text: "one two three four five six" }])
    expect(seen.length).toBeGreaterThan(1)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    const image = yield* Effect.promise(() =>
      client.callTool({
        name: "create-image",
        arguments: { prompt: "a wolf", model: "gpt-4o", quality: "hd" }
      })
    )
    expect(image.content).toEqual([{ type: "image", data: png, mimeType: "image/png" }])
  })
)

it.live("a cancelled request closes the connection to the provider", () =>
  Effect.gen(function* () {
    const begun = yield* Deferred.make<void>()
    const closed = yield* Deferred.make<void>()
    const { url } = yield* server(() => {
      Deferred.doneUnsafe(begun, Effect.void)
      return events([chunk({ content: "Once" })], "open", () => Deferred.doneUnsafe(closed, Effect.void))
    })
    const client = yield* connected(configured(url))
    // Effect's signal aborts the request, so that the SDK sends `notifications/cancelled`.
    const call = yield* Effect.forkChild(
      Effect.tryPromise((signal) =>
        client.callTool({ name: "ask-openai", arguments: { query: "hi" } }, undefined, { signal })
      )
    )
    yield* Deferred.await(begun)
    yield* Fiber.interrupt(call)
    yield* Deferred.await(closed)
  })
)

it.live("manifold call prints the model's response, and a hint for a rejected key", () =>
  Effect.gen(function* () {
    const mock = yield* aimock({ match: {}, response: { content: "Hello." } })
    const good = yield* manifold(["call", "ask-model", "--arg", "query=hi"], {
      env: configured(`${mock.url}/v1`)
    })
    expect(good).toMatchObject({ stdout: "Hello.\n", code: 0 })
    const { url } = yield* server(() =>
      Response.json({ error: { message: "Incorrect API key" } }, { status: 401 })
    )
    const bad = yield* manifold(["call", "ask-model", "--arg", "query=hi"], { env: configured(url) })
    expect(bad.code).toBe(1)
    expect(bad.stderr).toContain("llm.providers.openai.api_key")
    expect(bad.stderr).not.toContain("sk-test-key")
  })
)
