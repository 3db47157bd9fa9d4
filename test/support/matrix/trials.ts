/** The features of the compatibility matrix: each is a trial of one client at the entries of one upstream server. */
import { expect } from "bun:test"
import type { MatrixClient } from "./clients.ts"
import { names, places, richResult } from "./features.ts"

/** `server`: name of the upstream server, which prefixes its tools and prompts. */
type Trial = (client: MatrixClient, server: string) => Promise<void>

const says =
  (tool: string, text: string): Trial =>
  async (client, server) =>
    expect(await client.text(`${server}__${tool}`)).toBe(text)

export const trials: Readonly<Record<string, Trial>> = {
  "lists of tools": async (client, server) =>
    expect(await client.tools()).toEqual(expect.arrayContaining(names.map((name) => `${server}__${name}`))),
  "calls of tools": async (client, server) =>
    expect(await client.text(`${server}__repeat`, { a: [1, "b"] })).toBe('{"a":[1,"b"]}'),
  "`_meta` of calls": async (client, server) => {
    const meta = {
      "example.com/tenant": { id: 7 },
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      tracestate: "vendor=1"
    }
    expect(JSON.parse(await client.text(`${server}__meta`, {}, { meta }))).toMatchObject(meta)
  },
  "structured content, links and `_meta` of results": async (client, server) =>
    expect(await client.call(`${server}__rich`)).toMatchObject(richResult(places(server).state)),
  progress: async (client, server) => {
    const heard: Array<number> = []
    await client.text(`${server}__progress`, {}, { onProgress: (progress) => heard.push(progress) })
    expect(heard.length).toBeGreaterThan(0)
  },
  "log messages": async (client, server) => {
    await client.text(`${server}__log`)
    await client.logged.until((data) => data === "noted")
  },
  cancellation: async (client, server) => {
    const leaving = new AbortController()
    const call = client.text(`${server}__hang`, {}, { signal: leaving.signal })
    const ended = call.then(
      () => "responded",
      () => "aborted"
    )
    // The call is on its way before the next one, which the server answers.
    await client.text(`${server}__repeat`)
    leaving.abort()
    expect(await ended).toBe("aborted")
    expect(await client.text(`${server}__cancelled`)).toBe("cancelled")
  },
  elicitation: says("elicit", "decline"),
  sampling: says("sample", "tiny"),
  roots: says("roots", "file:///work"),
  prompts: async (client, server) =>
    expect(await client.prompt(`${server}__greet`, { who: "Ada" })).toMatchObject({
      messages: [{ content: { text: "Hello Ada" } }]
    }),
  completion: async (client, server) =>
    expect(await client.complete(`${server}__greet`, "who", "Al")).toEqual(["Alan"]),
  resources: async (client, server) =>
    expect(await client.read(places(server).state)).toMatchObject({ contents: [{ text: "state" }] }),
  "resource templates": async (client, server) =>
    expect(await client.read(`${places(server).prefix}item/7`)).toMatchObject({
      contents: [{ text: "item/7" }]
    }),
  "updated resources": async (client, server) => {
    const { state } = places(server)
    await client.follow(state)
    await client.text(`${server}__touch`)
    await client.updated.until((uri) => uri === state)
  },
  "changed lists": async (client, server) => {
    const grown = async () =>
      (await client.tools()).filter((name) => name.startsWith(`${server}__more`)).length
    const before = await grown()
    await client.text(`${server}__grow`)
    // Other servers change their lists as well.
    do await client.changed.until(() => true)
    while ((await grown()) === before)
  }
}
