/** An MCP server on stdio that writes garbage, lists malformed definitions, answers wrongly, twice, with floods or too much, and freezes. */

import { stdout } from "node:process"

const write = (line: string) => stdout.write(`${line}\n`)
const send = (message: Record<string, unknown>) => write(JSON.stringify({ jsonrpc: "2.0", ...message }))

const inputSchema = { type: "object", properties: {} }
const tools = [
  ...["fine", "flood", "freeze", "large", "malformed", "pid", "twice"].map((name) => ({ name, inputSchema })),
  { name: "no-schema" },
  { name: "icons", inputSchema, icons: "none" },
  { name: 7, inputSchema },
  "text"
]

/** Requests of `tools/list` so far. */
let lists = 0

write("Starting up…")
write("{")
for await (const line of console) {
  const { id, method, params } = JSON.parse(line)
  switch (method) {
    case "initialize":
      send({
        id,
        result: {
          protocolVersion: params.protocolVersion,
          capabilities: { tools: { listChanged: true }, prompts: {} },
          serverInfo: { name: "hostile", version: "1" }
        }
      })
      break
    case "tools/list":
      lists++
      send({ id, result: { tools } })
      break
    case "prompts/list":
      send({ id, result: { prompts: [{ name: "p", arguments: "all" }] } })
      break
    case "tools/call": {
      const { name } = params
      const result = { content: [{ type: "text", text: String(lists) }] }
      if (name === "flood") {
        for (let sent = 0; sent < 5000; sent++) send({ method: "notifications/tools/list_changed" })
      }
      if (name === "twice") send({ id, result })
      if (name === "freeze") process.kill(process.pid, "SIGSTOP")
      if (name === "large") result.content = [{ type: "text", text: "x".repeat(5_000_000) }]
      if (name === "pid") result.content = [{ type: "text", text: String(process.pid) }]
      send({ id, result: name === "malformed" ? { content: "text" } : result })
      break
    }
    default:
      if (id !== undefined) send({ id, error: { code: -32_601, message: "Method not found" } })
  }
}
