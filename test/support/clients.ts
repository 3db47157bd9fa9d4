/** The official clients of the newer SDK, one for each way to agree on a revision. */
import { expect } from "bun:test"
import { Client, type ClientOptions, type Transport } from "@modelcontextprotocol/client"

export const info = { name: "test", version: "1" }

const client =
  (versionNegotiation: ClientOptions["versionNegotiation"]) =>
  (options: ClientOptions = {}) =>
    new Client(info, versionNegotiation === undefined ? options : { ...options, versionNegotiation })

/** SDK 2.4.0 that knows nothing but 2026-07-28. */
export const pinned = client({ mode: { pin: "2026-07-28" } })

/** Name, how to make it, and the revision that it then speaks with us. */
export const newClients = [
  ["SDK 2.4.0, session era", client(undefined), "2025-11-25"],
  ["SDK 2.4.0, negotiating", client({ mode: "auto" }), "2026-07-28"],
  ["SDK 2.4.0, stateless", pinned, "2026-07-28"]
] as const

/** Connects, sees that the revision is the expected one, and that a tool is listed and answers. */
export const tryOut = async (connecting: Client, transport: Transport, version: string) => {
  await connecting.connect(transport)
  expect(connecting.getNegotiatedProtocolVersion()).toBe(version)
  const { tools } = await connecting.listTools()
  expect(tools.map((tool) => tool.name)).toContain("math.add")
  expect(await connecting.callTool({ name: "math.add", arguments: { a: 2, b: 3 } })).toMatchObject({
    content: [{ type: "text", text: "5" }],
    structuredContent: { result: 5 }
  })
}

/** Each of them, tried on a transport that is made for it: its name, and the trial. */
export const trials = newClients.map(([name, make, version]) => ({
  name,
  trial: async (transport: Transport) => {
    const connecting = make()
    await tryOut(connecting, transport, version)
    await connecting.close()
  }
}))
