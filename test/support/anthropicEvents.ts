/** Events of streams of Anthropic's Messages API, and the provider as a configuration. */

export const event = (data: { readonly type: string; readonly [key: string]: unknown }) =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`

export const start = (usage: object) =>
  event({
    type: "message_start",
    message: {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "claude-sonnet-4-5-20250929",
      content: [],
      stop_reason: null,
      usage
    }
  })
const delta = (index: number, more: object) => event({ type: "content_block_delta", index, delta: more })
export const block = (index: number, content_block: object, ...deltas: ReadonlyArray<object>) => [
  event({ type: "content_block_start", index, content_block }),
  ...deltas.map((each) => delta(index, each)),
  event({ type: "content_block_stop", index })
]
export const stop = (stop_reason: string, usage: object) => [
  event({ type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage }),
  event({ type: "message_stop" })
]
export const text = (...parts: ReadonlyArray<string>) =>
  block(0, { type: "text", text: "" }, ...parts.map((each) => ({ type: "text_delta", text: each })))

export const anthropic = (url: string, more: Record<string, unknown> = {}) => ({
  active: "anthropic",
  providers: {
    anthropic: {
      api_key: "sk-ant-test",
      base_url: url.replace(/\/v1$/, ""),
      model: "claude-test",
      ...more
    }
  }
})
