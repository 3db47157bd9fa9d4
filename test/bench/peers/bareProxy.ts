/** Peer: the least that a proxy on `Bun.serve` and `fetch` does, for one application (the first argument). No WebSockets. */
import { serve } from "bun"

const target = process.argv[2] ?? ""

const server = serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  fetch: async (request) => {
    const { pathname, search } = new URL(request.url)
    const { body, headers, status } = await fetch(`${target}${pathname}${search}`, {
      method: request.method,
      headers: request.headers,
      body: request.body,
      redirect: "manual",
      decompress: false,
      signal: request.signal
    })
    return new Response(body, { status, headers })
  }
})
console.error(`listening at http://127.0.0.1:${server.port}`)
