/** The application behind the measured proxies: short answers, a slow one, an event stream with the time of each event, and an echo. */
import { serve } from "bun"

/** Milliseconds between two events. */
const pause = 2
const encoder = new TextEncoder()

const events = () =>
  new ReadableStream<Uint8Array>({
    start: async (controller) => {
      try {
        for (;;) {
          controller.enqueue(encoder.encode(`data: ${performance.timeOrigin + performance.now()}\n\n`))
          await Bun.sleep(pause)
        }
      } catch {
        // The client has left.
      }
    }
  })

/** Its two parts are 100 ms apart. */
const slow = () =>
  new ReadableStream<string>({
    start: async (controller) => {
      controller.enqueue("begun ")
      await Bun.sleep(100)
      controller.enqueue("complete")
      controller.close()
    }
  })

const server = serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  websocket: { message: (socket, message) => void socket.send(message) },
  fetch: async (request, self) => {
    const { pathname } = new URL(request.url)
    if (pathname === "/ws") return self.upgrade(request) ? undefined : new Response(null, { status: 400 })
    if (pathname === "/events") {
      return new Response(events(), { headers: { "content-type": "text/event-stream" } })
    }
    if (pathname === "/fast") return new Response("complete")
    if (pathname === "/slow") return new Response(slow())
    await request.arrayBuffer()
    return Response.json({
      id: 1,
      text: "an answer of some length, as applications give it",
      items: [1, 2, 3]
    })
  }
})
console.error(`listening at http://127.0.0.1:${server.port}`)
