/** Replaces each field of a stream by values of other types, one at a time. */
import { expect, test } from "bun:test"
import * as Prompt from "effect/ai/Prompt"
import type { Adapter, TextRequest } from "../../../layers/models/Adapter.ts"
import * as anthropic from "../../../layers/models/anthropic.ts"
import * as openai from "../../../layers/models/openai.ts"
import { fromEnvironment, type Provider } from "../../../layers/models/Provider.ts"
import { fromSdk } from "../../../layers/models/sdkErrors.ts"
import type { ConfiguredFetch } from "../../../layers/outbound/configuredFetch.ts"
import { block, start, stop, text } from "../../support/anthropicEvents.ts"
import { chunk, done, events, usage } from "../../support/models.ts"

type Recorded = ReadonlyArray<object | string>

const others: ReadonlyArray<unknown> = [null, 5, -1, "x", "", true, [], {}, [null], { a: null }]

/** Copies of a value in which one field, or the value itself, is another. */
const replaced = (value: unknown, path: string): ReadonlyArray<readonly [name: string, copy: unknown]> => {
  const own = others.map((other) => [`${path} = ${JSON.stringify(other)}`, other] as const)
  if (typeof value !== "object" || value === null) return own
  const inner = Object.entries(value).flatMap(([key, each]) =>
    replaced(each, `${path}.${key}`).map(([name, other]) => {
      const copy: object = Array.isArray(value) ? [...value] : { ...value }
      return [name, Object.assign(copy, { [key]: other })] as const
    })
  )
  return [...own, ...inner]
}

const dataOf = (event: object | string): unknown =>
  typeof event === "string" ? JSON.parse(event.slice(event.indexOf("data: ") + 6)) : event

/** All variants of the stream with one replaced field; `kept`: its last events, which stay as they are. */
const variants = (recorded: Recorded, kept: number) =>
  recorded.slice(0, recorded.length - kept).flatMap((event, index) =>
    replaced(dataOf(event), String(index)).map(([name, copy]) => ({
      name,
      data: recorded.with(index, `data: ${JSON.stringify(copy)}\n\n`)
    }))
  )

const chat = [
  chunk({ role: "assistant", reasoning_content: "hm" }),
  chunk({ content: "Hi" }),
  chunk({ tool_calls: [{ index: 0, id: "a", type: "function", function: { name: "f", arguments: "{" } }] }),
  chunk({ tool_calls: [{ index: 0, function: { arguments: "}" } }] }),
  usage(9, 2, { prompt_tokens_details: { cached_tokens: 1 } }),
  chunk({}, { finish: "tool_calls" }),
  done
]
const messages = [
  start({ input_tokens: 9, output_tokens: 1, cache_read_input_tokens: 3 }),
  ...block(
    0,
    { type: "thinking", thinking: "", signature: "" },
    { type: "thinking_delta", thinking: "hm" },
    { type: "signature_delta", signature: "s" }
  ),
  ...text("Hi"),
  ...block(
    2,
    { type: "tool_use", id: "a", name: "f", input: {} },
    { type: "input_json_delta", partial_json: "{}" }
  ),
  ...stop("tool_use", { output_tokens: 2 })
]

const request: TextRequest = {
  model: "m",
  prompt: Prompt.make("hello"),
  tools: [],
  toolChoice: "auto",
  responseFormat: { type: "text" },
  temperature: undefined,
  maxTokens: undefined,
  topP: undefined
}

const [claude, gpt] = fromEnvironment((name) =>
  name === "OPENAI_API_KEY" || name === "ANTHROPIC_API_KEY" ? "sk-test-key" : undefined
).toSorted((a, b) => a.name.localeCompare(b.name)) as [Provider, Provider]

const dialects: ReadonlyArray<
  [string, Recorded, number, Provider, (provider: Provider, fetch: ConfiguredFetch) => Adapter]
> = [
  // The end of a stream must be readable.
  ["Chat Completions", chat, 2, gpt, openai.make],
  ["Anthropic's Messages", messages, 2, claude, anthropic.make]
]

const sink = { emit: () => {}, flush: () => undefined, alive: () => {}, usage: () => {} }

for (const [name, recorded, kept, provider, make] of dialects) {
  test(`a field of another type in ${name} is tolerated, or an error without a retry`, async () => {
    const all = variants(recorded, kept)
    const failures = all.map(async ({ data, name: field }) => {
      const adapter = make(provider, () => Promise.resolve(events(data)))
      try {
        await adapter.text(request, sink, new AbortController().signal)
      } catch (thrown) {
        const { reason, transient } = fromSdk(provider, "m", 0)(thrown)
        if (reason !== "bug" || transient !== undefined) return [`${field}: ${reason}`]
      }
      return []
    })
    const failed = (await Promise.all(failures)).flat()
    expect(failed).toEqual([])
    expect(all.length).toBeGreaterThan(200)
  })

  test(`a stop reason of another type in ${name} is the reason "other"`, async () => {
    for (const other of [5, true, {}, []]) {
      const isReason = (key: string) => key === "finish_reason" || key === "stop_reason"
      const withOther = (event: object | string) =>
        JSON.stringify(dataOf(event), (key, value: unknown) =>
          isReason(key) && value !== null ? other : value
        )
      const sent = recorded.filter((event) => event !== done).map((event) => `data: ${withOther(event)}\n\n`)
      const adapter = make(provider, () => Promise.resolve(events(sent)))
      expect(await adapter.text(request, sink, new AbortController().signal)).toBe("other")
    }
  })
}
