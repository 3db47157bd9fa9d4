/** Anthropic's Messages API. */
import Anthropic from "@anthropic-ai/sdk"
import { Redacted } from "effect"
import type { ConfiguredFetch } from "../outbound/configuredFetch.ts"
import type { Adapter, Finish, Sink, TextRequest } from "./Adapter.ts"
import { toFormat, toMessages, toTools } from "./anthropicMessages.ts"
import { eventRequest, readEvents, type Endpoint } from "./eventRequest.ts"
import { idsOf, objectOf } from "./fields.ts"
import { MessageReader } from "./MessageReader.ts"
import { incomplete } from "./ModelError.ts"
import type { Provider } from "./Provider.ts"
import { ToolCallParts } from "./ToolCallParts.ts"
import { ToolNames } from "./toolNames.ts"

/** Page size of the model list; the API's maximum. */
const pageSize = 1000

const clientOf = (provider: Provider, fetch: ConfiguredFetch) =>
  new Anthropic({
    // The SDK must not search for credentials in variables and files.
    apiKey: provider.key === undefined ? "none" : Redacted.value(provider.key),
    authToken: null,
    baseURL: provider.baseUrl,
    // Guard retries.
    maxRetries: 0,
    timeout: 2 ** 31 - 1,
    logLevel: "off",
    fetch,
    defaultHeaders: Object.fromEntries(
      Object.entries(provider.headers).map(([name, value]) => [name, Redacted.value(value)])
    )
  })

export const make = (provider: Provider, fetch: ConfiguredFetch): Adapter => {
  const client = clientOf(provider, fetch)

  let endpoint: Promise<Endpoint> | undefined
  /** The SDK builds the URL and the headers, once. */
  const makeEndpoint = async (): Promise<Endpoint> => {
    const { req, url } = await client.buildRequest({ method: "post", path: "/v1/messages", body: {} })
    const headers = Object.fromEntries(new Headers(req.headers as Headers))
    return { provider: provider.name, url, headers, failure: Anthropic.APIError.generate }
  }

  const text = async (request: TextRequest, sink: Sink, signal: AbortSignal): Promise<Finish> => {
    const names = new ToolNames(request.tools.map(({ name }) => name))
    const body: Anthropic.MessageCreateParamsStreaming = {
      model: request.model,
      max_tokens: request.maxTokens ?? 8192,
      stream: true,
      ...toMessages(request, names),
      ...toTools(request, names),
      ...toFormat(request),
      ...(request.temperature !== undefined && { temperature: request.temperature }),
      ...(request.topP !== undefined && { top_p: request.topP })
    }
    const response = await eventRequest(fetch, await (endpoint ??= makeEndpoint()), body, signal)
    const reader = new MessageReader(sink, new ToolCallParts(sink, names, provider.name))
    await readEvents(response, sink, ({ data, event }) => {
      const value = objectOf(JSON.parse(data))
      if (event === "error" || value?.["type"] === "error") {
        throw new Anthropic.APIError(undefined, value ?? { message: data }, undefined, response.headers)
      }
      if (value !== undefined) reader.read(value)
    })
    const stopped = reader.end()
    if (stopped === undefined) throw incomplete(provider.name, request.model)
    return stopped
  }

  const models = async (signal: AbortSignal) => {
    const page = await client.models.list({ limit: pageSize }, { signal })
    return idsOf(page.data)
  }

  const hasModel = async (id: string, signal: AbortSignal) => {
    try {
      await client.models.retrieve(id, undefined, { signal })
      return true
    } catch (error) {
      if (error instanceof Anthropic.APIError && error.status === 404) return false
      throw error
    }
  }

  return { text, models, hasModel, image: undefined }
}
