/** Upstream servers behind one endpoint: real servers and real clients of both protocol eras. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { StreamableHTTPClientTransport, type Client } from "@modelcontextprotocol/client"
import { mkdtempSync } from "node:fs"
import { rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Deferred, Effect, Layer, ManagedRuntime } from "effect"
import { Upstreams } from "../../src/upstreams/Upstreams.ts"
import { newClients } from "../support/clients.ts"
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

const folder = mkdtempSync(join(tmpdir(), "manifold-files-"))

const textOf = (result: unknown) =>
  (result as { readonly content: ReadonlyArray<{ readonly text?: string }> }).content
    .map(({ text }) => text)
    .join("\n")

const behind = ManagedRuntime.make(service())
let front: ManagedRuntime.ManagedRuntime<Layer.Success<ReturnType<typeof service>>, unknown>
let url: URL

/** One service for all tests: starting the servers takes seconds. */
beforeAll(async () => {
  const far = await behind.runPromise(endpoint)
  front = ManagedRuntime.make(
    service({
      mcp: { connection: { max_reconnect_attempts: 0 } },
      mcpServers: {
        everything,
        self: manifold,
        memory: { ...node("server-memory"), env: { MEMORY_FILE_PATH: join(folder, "memory.jsonl") } },
        files: {
          ...node("server-filesystem", folder),
          allow: ["read_*", "list_allowed_*"],
          deny: ["read_media_*"],
          rename: { read_text_file: "read" }
        },
        far: { url: far.href },
        missing: { command: "/nonexistent/program" },
        broken: { command: process.execPath, args: ["-e", "console.error('no license'); process.exit(3)"] }
      }
    })
  )
  url = await front.runPromise(endpoint)
})

afterAll(async () => {
  await front.dispose()
  await behind.dispose()
  await rm(folder, { recursive: true, force: true })
})

const using = async <A>(client: Client, run: (client: Client) => Promise<A>) => {
  await client.connect(new StreamableHTTPClientTransport(url))
  return run(client).finally(() => client.close())
}

describe.each(newClients.map(([name, make]) => ({ name, make })))("a client that is $name", ({ make }) => {
  test("lists and calls the tools of upstream servers of both eras", () =>
    using(make(), async (client) => {
      const { tools } = await client.listTools()
      const names = tools.map((tool) => tool.name)
      expect(names).toContain("everything__get-sum")
      expect(names).toContain("self__math_add")
      expect(names).toContain("math.add")
      const call = (name: string, args: Record<string, unknown>) => client.callTool({ name, arguments: args })
      expect(textOf(await call("everything__get-sum", { a: 2, b: 3 }))).toContain("5")
      expect(await call("self__math_add", { a: 2, b: 3 })).toMatchObject({
        structuredContent: { result: 5 }
      })
      expect(await call("everything__get-structured-content", { location: "New York" })).toHaveProperty(
        "structuredContent.temperature"
      )
    }))

  test("calls the selected tools of a file server, one of them under another name, and a memory server", () =>
    using(make(), async (client) => {
      const { tools } = await client.listTools()
      const names = tools.map(({ name }) => name).filter((name) => name.startsWith("files__"))
      expect(names).toEqual([
        "files__list_allowed_directories",
        "files__read",
        "files__read_file",
        "files__read_multiple_files"
      ])
      const path = join(folder, "note.txt")
      await writeFile(path, "remember")
      const read = (args: Record<string, unknown>) =>
        client.callTool({ name: "files__read", arguments: args })
      expect(textOf(await read({ path }))).toContain("remember")
      expect(await read({ path: "/etc/hostname" })).toMatchObject({ isError: true })
      expect(
        textOf(await client.callTool({ name: "files__list_allowed_directories", arguments: {} }))
      ).toContain(folder)
      const graph = await client.callTool({ name: "memory__read_graph", arguments: {} })
      expect(graph.structuredContent).toMatchObject({ entities: expect.any(Array) })
    }))

  test("gets prompts and reads resources and templates of upstream servers", () =>
    using(make(), async (client) => {
      const { messages } = await client.getPrompt({
        name: "everything__args-prompt",
        arguments: { city: "Bern" }
      })
      expect(JSON.stringify(messages)).toContain("Bern")
      const { contents } = await client.readResource({ uri: "demo://resource/dynamic/text/7" })
      expect(contents[0]?.uri).toBe("demo://resource/dynamic/text/7")
    }))

  test("receives the progress of an upstream tool", () =>
    using(make(), async (client) => {
      const heard: Array<number> = []
      const result = await client.callTool(
        { name: "everything__trigger-long-running-operation", arguments: { duration: 0.4, steps: 4 } },
        { onprogress: ({ progress }) => heard.push(progress) }
      )
      expect(textOf(result)).toContain("completed")
      expect(heard.length).toBeGreaterThan(0)
    }))

  test("answers an elicitation of an upstream tool", () => {
    const client = make({ capabilities: { elicitation: { form: {} } } })
    client.setRequestHandler("elicitation/create", () => ({ action: "decline" }))
    return using(client, async () => {
      const result = await client.callTool({
        name: "everything__trigger-elicitation-request",
        arguments: {}
      })
      expect(textOf(result)).toContain("declined")
    })
  })
})

test("a caller that disconnects cancels the call at the upstream server", () =>
  using(newClients[1][1](), async (client) => {
    const held = await behind.runPromise(Held)
    const leaving = new AbortController()
    const call = client.callTool({ name: "far__wait", arguments: {} }, { signal: leaving.signal })
    call.catch(() => {})
    await Effect.runPromise(Deferred.await(held.started))
    leaving.abort()
    await Effect.runPromise(Deferred.await(held.interrupted))
  }))

test("servers that cannot be started are reported, and the others are served", async () => {
  // Lists wait until each server has answered or failed.
  await using(newClients[1][1](), (client) => client.listTools())
  const states = await front.runPromise(Effect.flatMap(Upstreams, ({ list }) => list))
  const stateOf = (name: string) => states.find((each) => each.name === name)
  expect(stateOf("missing")).toMatchObject({ state: "failed", failure: { stage: "start" } })
  expect(stateOf("broken")).toMatchObject({ state: "failed", failure: { stage: "start" } })
  expect(stateOf("broken")?.failure?.detail).toContain("no license")
  expect(stateOf("everything")).toMatchObject({ state: "ready" })
})
