/**
 * A provider that replays one recorded stream of OpenAI's Chat Completions: at once, under `/paced` in its own time, or
 * under `/timed` 20 chunks a second, each of which says when it was sent.
 */
const encoder = new TextEncoder()
const chunk = (delta: object, more: object = {}) =>
  encoder.encode(
    `data: ${JSON.stringify({
      id: "chatcmpl-1",
      object: "chat.completion.chunk",
      created: 1,
      model: "gpt-4o",
      choices: [{ index: 0, delta, finish_reason: null, ...more }]
    })}\n\n`
  )
const usage = { prompt_tokens: 9, completion_tokens: 64, total_tokens: 73 }
const last = {
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 1,
  model: "gpt-4o",
  choices: [],
  usage
}

const recorded = [
  chunk({ role: "assistant", content: "" }),
  ...Array.from({ length: 64 }, (_, index) => chunk({ content: ` word${index}` })),
  chunk({}, { finish_reason: "stop" }),
  encoder.encode(`data: ${JSON.stringify(last)}\n\ndata: [DONE]\n\n`)
]

/** Milliseconds until the first chunk, and between two. */
const pace = { first: 20, next: 4 }

const atOnce = () =>
  new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const each of recorded) controller.enqueue(each)
      controller.close()
    }
  })

const paced = () =>
  new ReadableStream<Uint8Array>({
    start: async (controller) => {
      await Bun.sleep(pace.first)
      for (const each of recorded) {
        controller.enqueue(each)
        await Bun.sleep(pace.next)
      }
      controller.close()
    }
  })

/** Milliseconds since 1970, with fractions. */
const now = () => performance.timeOrigin + performance.now()

const timed = () =>
  new ReadableStream<Uint8Array>({
    start: async (controller) => {
      for (let sent = 0; sent < 64; sent++) {
        controller.enqueue(chunk({ content: ` ${now()}` }))
        await Bun.sleep(50)
      }
      for (const each of recorded.slice(-2)) controller.enqueue(each)
      controller.close()
    }
  })

const bodies = { "/paced": paced, "/timed": timed }

const { url } = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  fetch: async (request) => {
    if (request.method !== "POST") return new Response(null, { status: 404 })
    await request.arrayBuffer()
    const { pathname } = new URL(request.url)
    const [, make = atOnce] = Object.entries(bodies).find(([prefix]) => pathname.startsWith(prefix)) ?? []
    return new Response(make(), { headers: { "content-type": "text/event-stream" } })
  }
})
console.error(`listening at ${url.origin}`)
