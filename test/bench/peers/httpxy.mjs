/** Peer: httpxy, a proxy library for Node.js, for one application (the first argument). */
import { Agent, createServer } from "node:http"
import { createProxyServer } from "httpxy"

const proxy = createProxyServer({
  target: process.argv[2],
  ws: true,
  xfwd: true,
  agent: new Agent({ keepAlive: true })
})
const server = createServer((request, response) => {
  proxy.web(request, response).catch(() => response.destroy())
})
server.on("upgrade", (request, socket, head) => {
  proxy.ws(request, socket, {}, head).catch(() => socket.destroy())
})
server.listen(0, "127.0.0.1", () => console.error(`listening at http://127.0.0.1:${server.address().port}`))
