/** Upstream servers behind one endpoint: real servers and real clients of both protocol eras. */
import { describe, expect } from "bun:test"
import { StreamableHTTPClientTransport, type Client } from "@modelcontextprotocol/client"
import { tmpdir } from "node:os"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { newClients } from "../support/clients.ts"
import { it } from "../support/effect.ts"
import { endpoint, Held, service } from "../support/service.ts"
import { command } from "../support/stdio.ts"

const modules = new URL("../../node_modules/@modelcontextprotocol/", import.meta.url).pathname
const node = (server: string, ...args: ReadonlyArray<string>) => ({
  command: "node",
  args: [`${modules}${server}/dist/index.js`, ...args]
})

const everything = node("server-everything", "stdio")
/** This program as an upstream server with 2026-07-28. */
const manifold = {
  ...command,
  env: { XDG_CONFIG_HOME: "/nonexistent", XDG_STATE_HOME: `${tmpdir()}/manifold-upstream-test` }
}

const connected = Effect.fnUntraced(function* (client: Client) {
  const url = yield* endpoint
  yield* Effect.acquireRelease(
    Effect.promise(() => client.connect(new StreamableHTTPClientTransport(url))),
    () => Effect.promise(() => client.close())
  )
  return client
})

const textOf = (result: unknown) =>
  (result as { readonly content: ReadonlyArray<{ readonly text?: string }> }).content
    .map(({ text }) => text)
    .join("\n")

const upstreams = service({ mcpServers: { everything, self: manifold } })

describe.each(newClients.map(([name, make]) => ({ name, make })))("a client that is $name", ({ make }) => {
  it.live("lists and calls the tools of upstream servers of both eras", () =>
    Effect.gen(function* () {
      const client = yield* connected(make())
      const { tools } = yield* Effect.promise(() => client.listTools())
      const names = tools.map((tool) => tool.name)
      expect(names).toContain("everything__get-sum")
      expect(names).toContain("self__math_add")
      expect(names).toContain("math.add")
      const call = (name: string, args: Record<string, unknown>) =>
        Effect.promise(() => client.callTool({ name, arguments: args }))
      expect(textOf(yield* call("everything__get-sum", { a: 2, b: 3 }))).toContain("5")
      expect(yield* call("self__math_add", { a: 2, b: 3 })).toMatchObject({
        structuredContent: { result: 5 }
      })
      expect(yield* call("everything__get-structured-content", { location: "New York" })).toHaveProperty(
        "structuredContent.temperature"
      )
    }).pipe(Effect.provide(upstreams))
  )

  it.live("gets prompts and reads resources and templates of upstream servers", () =>
    Effect.gen(function* () {
      const client = yield* connected(make())
      const { messages } = yield* Effect.promise(() =>
        client.getPrompt({ name: "everything__args-prompt", arguments: { city: "Bern" } })
      )
      expect(JSON.stringify(messages)).toContain("Bern")
      const { contents } = yield* Effect.promise(() =>
        client.readResource({ uri: "demo://resource/dynamic/text/7" })
      )
      expect(contents[0]?.uri).toBe("demo://resource/dynamic/text/7")
    }).pipe(Effect.provide(upstreams))
  )

  it.live("receives the progress of an upstream tool", () =>
    Effect.gen(function* () {
      const client = yield* connected(make())
      const heard: Array<number> = []
      const result = yield* Effect.promise(() =>
        client.callTool(
          { name: "everything__trigger-long-running-operation", arguments: { duration: 0.4, steps: 4 } },
          { onprogress: ({ progress }) => heard.push(progress) }
        )
      )
      expect(textOf(result)).toContain("completed")
      expect(heard.length).toBeGreaterThan(0)
    }).pipe(Effect.provide(upstreams))
  )

  it.live("answers an elicitation of an upstream tool", () =>
    Effect.gen(function* () {
      const client = make({ capabilities: { elicitation: { form: {} } } })
      client.setRequestHandler("elicitation/create", () => ({ action: "decline" }))
      yield* connected(client)
      const result = yield* Effect.promise(() =>
        client.callTool({ name: "everything__trigger-elicitation-request", arguments: {} })
      )
      expect(textOf(result)).toContain("declined")
    }).pipe(Effect.provide(upstreams))
  )
})

it.live("a caller that disconnects cancels the call at the upstream server", () =>
  Effect.gen(function* () {
    const url = yield* endpoint
    const held = yield* Held
    yield* Effect.gen(function* () {
      const client = yield* connected(newClients[1][1]())
      const call = yield* Effect.forkChild(
        Effect.promise((signal) => client.callTool({ name: "far__wait", arguments: {} }, { signal }))
      )
      yield* Deferred.await(held.started)
      yield* Fiber.interrupt(call)
      yield* Deferred.await(held.interrupted)
    }).pipe(Effect.provide(Layer.fresh(service({ mcpServers: { far: { url: url.href } } }))))
  }).pipe(Effect.provide(service()))
)

it.live("a server that cannot be started is reported, and the others are served", () =>
  Effect.gen(function* () {
    const client = yield* connected(newClients[1][1]())
    const { tools } = yield* Effect.promise(() => client.listTools())
    expect(tools.map(({ name }) => name)).toContain("everything__echo")
  }).pipe(
    Effect.provide(
      service({
        mcp: { connection: { max_reconnect_attempts: 0 } },
        mcpServers: {
          everything,
          missing: { command: "/nonexistent/program" },
          broken: { command: process.execPath, args: ["-e", "console.error('no license'); process.exit(3)"] }
        }
      })
    )
  )
)
