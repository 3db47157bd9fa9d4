/** An upstream server of the session era, made with the older SDK, that uses every feature. `stdio NAME` serves it on stdio. */
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js"
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema
} from "@modelcontextprotocol/sdk/types.js"
import { names, places, richResult } from "./features.ts"

const inputSchema = { type: "object" as const, properties: {} }

/** One for each connection. */
export const sessionUpstream = (name: string) => {
  const { prefix, state, template } = places(name)
  const capabilities = {
    tools: { listChanged: true },
    prompts: {},
    resources: { subscribe: true },
    completions: {},
    logging: {}
  }
  const server = new Server({ name, version: "1" }, { capabilities })
  const cancelled = Promise.withResolvers<void>()
  let more = 0

  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [...names, ...Array.from({ length: more }, (_, index) => `more${index + 1}`)].map((tool) => ({
      name: tool,
      inputSchema
    }))
  }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { _meta, sendNotification, signal }) => {
    const run = async (): Promise<string> => {
      switch (params.name) {
        case "meta":
          return JSON.stringify(_meta)
        case "progress": {
          const progressToken = _meta?.progressToken
          if (progressToken === undefined) return "no token"
          await sendNotification({
            method: "notifications/progress",
            params: { progressToken, progress: 1, total: 2, message: "half" }
          })
          return "done"
        }
        case "log":
          await sendNotification({
            method: "notifications/message",
            params: { level: "info", data: "noted" }
          })
          return "done"
        case "elicit":
          return (await server.elicitInput({ message: "Sure?", requestedSchema: inputSchema })).action
        case "sample": {
          const content = { type: "text" as const, text: "Hello" }
          const sampled = await server.createMessage({ messages: [{ role: "user", content }], maxTokens: 10 })
          return sampled.model
        }
        case "roots":
          return (await server.listRoots()).roots.map(({ uri }) => uri).join()
        case "hang":
          return new Promise((_, reject) =>
            signal.addEventListener("abort", () => {
              cancelled.resolve()
              reject(new Error("cancelled"))
            })
          )
        case "cancelled":
          await cancelled.promise
          return "cancelled"
        case "touch":
          await server.sendResourceUpdated({ uri: state })
          return "done"
        case "grow":
          more++
          await server.sendToolListChanged()
          return "done"
        default:
          return JSON.stringify(params.arguments)
      }
    }
    if (params.name === "rich") return richResult(state)
    return { content: [{ type: "text", text: await run() }] }
  })
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: [{ name: "greet", arguments: [{ name: "who", required: true }] }]
  }))
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => ({
    messages: [{ role: "user", content: { type: "text", text: `Hello ${params.arguments?.["who"]}` } }]
  }))
  server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources: [{ uri: state, name: "state" }] }))
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [{ uriTemplate: template, name: "item" }]
  }))
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => ({
    contents: [{ uri, text: uri.slice(prefix.length) }]
  }))
  server.setRequestHandler(SubscribeRequestSchema, () => ({}))
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}))
  server.setRequestHandler(SetLevelRequestSchema, () => ({}))
  server.setRequestHandler(CompleteRequestSchema, ({ params: { argument } }) => ({
    completion: { values: ["Ada", "Alan"].filter((each) => each.startsWith(argument.value)) }
  }))
  return server
}

if (import.meta.main) await sessionUpstream(process.argv[2] ?? "").connect(new StdioServerTransport())
