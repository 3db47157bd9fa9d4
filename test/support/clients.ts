/** The official clients of the newer SDK, one for each way to agree on a revision. */
import { expect } from "bun:test"
import { Client, type ClientOptions, type Transport } from "@modelcontextprotocol/client"

export const info = { name: "test", version: "1" }

const client =
  (versionNegotiation: ClientOptions["versionNegotiation"]) =>
  (options: ClientOptions = {}) =>
    new Client(info, versionNegotiation === undefined ? options : { ...options, versionNegotiation })

/** SDK 2.4.0 restricted to 2026-07-28. */
export const pinned = client({ mode: { pin: "2026-07-28" } })

/** Name, constructor, and the negotiated revision. */
export const newClients = [
  ["SDK 2.4.0, session era", client(undefined), "2025-11-25"],
  ["SDK 2.4.0, negotiating", client({ mode: "auto" }), "2026-07-28"],
  ["SDK 2.4.0, stateless", pinned, "2026-07-28"]
] as const

/** Connects, and expects the revision, a tool in the list, and a result of it. */
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

/** A test for each client over the given transport. */
export const trials = newClients.map(([name, make, version]) => ({
  name,
  trial: async (transport: Transport) => {
    const connecting = make()
    await tryOut(connecting, transport, version)
    await connecting.close()
  }
}))
