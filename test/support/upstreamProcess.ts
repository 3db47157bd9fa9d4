/**
 * An MCP server on stdio, unless its role is `alone` with a child process, which ignores SIGTERM if that is `stubborn`;
 * both hold a connection to the test, which ends with them.
 */
import { connect } from "node:net"

const [, self = "", port = "", role = "server", childRole = "stubborn"] = process.argv

// The test learns of the end of a process by the end of its connection.
const witness = connect(Number(port), "127.0.0.1")

if (role === "stubborn" || role === "child") {
  if (role === "stubborn") process.on("SIGTERM", () => {})
  witness.write(`${role} ${process.pid}\n`, () => process.stdout.write("started"))
} else {
  witness.write(`${role} ${process.pid}\n`)
  if (role !== "alone") {
    const child = Bun.spawn([process.execPath, self, port, childRole], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore"
    })
    // Nothing is answered before the child has started.
    await child.stdout.getReader().read()
  }
  const answer = (id: unknown, result: unknown) =>
    process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`)
  const inputSchema = { type: "object", properties: {} }
  for await (const line of console) {
    const { id, method, params } = JSON.parse(line)
    if (method === "initialize") {
      const { protocolVersion } = params
      answer(id, {
        protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: "process", version: "1" }
      })
    } else if (method === "tools/list") {
      answer(id, { tools: ["pid", "crash"].map((name) => ({ name, inputSchema })) })
    } else if (method === "tools/call") {
      if (params.name === "crash") process.kill(process.pid, "SIGKILL")
      answer(id, { content: [{ type: "text", text: String(process.pid) }] })
    } else if (id !== undefined) {
      process.stdout.write(
        `${JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32_601, message: "Method not found" } })}\n`
      )
    }
  }
}
