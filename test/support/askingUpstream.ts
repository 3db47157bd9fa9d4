/** An upstream server of the session era, made with the older SDK, whose tools ask the user while others run. `stdio` serves it. */
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js"
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js"

/**
 * `wait` reports progress and runs until `release`. `ask` asks on the stream of its call, `ask_aside` on the stream of the
 * connection, where the transport has both.
 */
const names = ["wait", "release", "ask", "ask_aside"]

const inputSchema = { type: "object" as const, properties: {} }

/** One for each connection. */
export const askingUpstream = () => {
  const server = new Server({ name: "asking", version: "1" }, { capabilities: { tools: {} } })
  let released = Promise.withResolvers<void>()
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: names.map((name) => ({ name, inputSchema }))
  }))
  server.setRequestHandler(
    CallToolRequestSchema,
    async ({ params }, { _meta, requestId, sendNotification }) => {
      const ask = async (relatedRequestId?: typeof requestId) => {
        const form = { message: "Sure?", requestedSchema: inputSchema }
        return (await server.elicitInput(form, relatedRequestId === undefined ? {} : { relatedRequestId }))
          .action
      }
      const run = async (): Promise<string> => {
        switch (params.name) {
          case "wait": {
            const progressToken = _meta?.progressToken ?? ""
            await sendNotification({
              method: "notifications/progress",
              params: { progressToken, progress: 1 }
            })
            await released.promise
            return "released"
          }
          case "release":
            released.resolve()
            released = Promise.withResolvers()
            return "done"
          case "ask":
            return ask(requestId)
          default:
            return ask()
        }
      }
      return { content: [{ type: "text", text: await run() }] }
    }
  )
  return server
}

if (import.meta.main) await askingUpstream().connect(new StdioServerTransport())
