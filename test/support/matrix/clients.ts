/** Real clients of both generations of the SDK behind one interface, for the compatibility matrix. */
import { Client as NewClient, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport as OldTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import type { Transport as OldTransportType } from "@modelcontextprotocol/sdk/shared/transport.js"
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema
} from "@modelcontextprotocol/sdk/types.js"
import { Channel } from "./Channel.ts"

const info = { name: "matrix", version: "1" }
const capabilities = { sampling: {}, elicitation: {}, roots: {} }
const sampled = { role: "assistant" as const, model: "tiny", content: { type: "text" as const, text: "Hi" } }
const roots = { roots: [{ uri: "file:///work" }] }

export interface CallOptions {
  readonly onProgress?: (progress: number) => void
  readonly signal?: AbortSignal
  readonly meta?: Record<string, unknown>
}

export interface MatrixClient {
  readonly text: (tool: string, args?: Record<string, unknown>, options?: CallOptions) => Promise<string>
  /** The whole result of a tool. */
  readonly call: (tool: string) => Promise<unknown>
  readonly tools: () => Promise<ReadonlyArray<string>>
  readonly prompt: (name: string, args: Record<string, string>) => Promise<unknown>
  readonly read: (uri: string) => Promise<unknown>
  readonly complete: (prompt: string, argument: string, value: string) => Promise<ReadonlyArray<string>>
  /** Follows updates of the resource, and changes of lists. */
  readonly follow: (uri: string) => Promise<void>
  readonly logged: Channel<unknown>
  readonly updated: Channel<string>
  readonly changed: Channel<void>
  readonly close: () => Promise<void>
}

const textOf = (result: unknown): string => {
  const { content, isError } = result as { content: ReadonlyArray<{ text?: string }>; isError?: boolean }
  const text = content.map((block) => block.text ?? "").join("")
  if (isError === true) throw new Error(text)
  return text
}

const channels = () => ({
  logged: new Channel<unknown>(),
  updated: new Channel<string>(),
  changed: new Channel<void>()
})

const oldClient = async (url: URL): Promise<MatrixClient> => {
  const client = new OldClient(info, { capabilities })
  const heard = channels()
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: "decline" }))
  client.setRequestHandler(CreateMessageRequestSchema, () => sampled)
  client.setRequestHandler(ListRootsRequestSchema, () => roots)
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) =>
    heard.logged.put(params.data)
  )
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) =>
    heard.updated.put(params.uri)
  )
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => heard.changed.put())
  // The older SDK is not written for exact optional properties.
  await client.connect(new OldTransport(url) as OldTransportType)
  await client.setLoggingLevel("debug")
  return {
    ...heard,
    call: (name) => client.callTool({ name, arguments: {} }),
    text: async (name, args = {}, { meta, onProgress, signal } = {}) =>
      textOf(
        await client.callTool({ name, arguments: args, ...(meta && { _meta: meta }) }, undefined, {
          ...(signal !== undefined && { signal }),
          ...(onProgress !== undefined && { onprogress: ({ progress }) => onProgress(progress) })
        })
      ),
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    prompt: (name, args) => client.getPrompt({ name, arguments: args }),
    read: (uri) => client.readResource({ uri }),
    complete: async (name, argument, value) => {
      const ref = { type: "ref/prompt" as const, name }
      return (await client.complete({ ref, argument: { name: argument, value } })).completion.values
    },
    follow: async (uri) => void (await client.subscribeResource({ uri })),
    close: () => client.close()
  }
}

const newClient = async (url: URL, pin: string | undefined): Promise<MatrixClient> => {
  const client = new NewClient(info, {
    capabilities,
    ...(pin !== undefined && { versionNegotiation: { mode: { pin } } })
  })
  const heard = channels()
  client.setRequestHandler("elicitation/create", () => ({ action: "decline" }))
  client.setRequestHandler("sampling/createMessage", () => sampled)
  client.setRequestHandler("roots/list", () => roots)
  client.setNotificationHandler("notifications/message", ({ params }) => heard.logged.put(params.data))
  client.setNotificationHandler("notifications/resources/updated", ({ params }) =>
    heard.updated.put(params.uri)
  )
  client.setNotificationHandler("notifications/tools/list_changed", () => heard.changed.put())
  await client.connect(new StreamableHTTPClientTransport(url))
  if (pin === undefined) await client.setLoggingLevel("debug")
  const _meta = pin === undefined ? {} : { "io.modelcontextprotocol/logLevel": "debug" }
  return {
    ...heard,
    call: (name) => client.callTool({ name, arguments: {} }),
    text: async (name, args = {}, { meta, onProgress, signal } = {}) =>
      textOf(
        await client.callTool(
          { name, arguments: args, _meta: { ..._meta, ...meta } },
          {
            ...(signal !== undefined && { signal }),
            ...(onProgress !== undefined && { onprogress: ({ progress }) => onProgress(progress) })
          }
        )
      ),
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    prompt: (name, args) => client.getPrompt({ name, arguments: args }),
    read: (uri) => client.readResource({ uri }),
    complete: async (name, argument, value) => {
      const ref = { type: "ref/prompt" as const, name }
      return (await client.complete({ ref, argument: { name: argument, value } })).completion.values
    },
    follow: async (uri) => {
      if (pin === undefined) await client.subscribeResource({ uri })
      else await client.listen({ resourceSubscriptions: [uri], toolsListChanged: true })
    },
    close: () => client.close()
  }
}

/** By the era and the SDK of the client. */
export const clients: Readonly<Record<string, (url: URL) => Promise<MatrixClient>>> = {
  "session, SDK 1": oldClient,
  "session, SDK 2": (url) => newClient(url, undefined),
  "2026-07-28, SDK 2": (url) => newClient(url, "2026-07-28")
}
