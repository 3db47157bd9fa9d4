/** Peer: `fastmcp` (TypeScript), as its README starts it: over stdio, or stateless over HTTP. */
import { createServer } from "node:net"
import { FastMCP } from "fastmcp"
import { z } from "zod"

const server = new FastMCP({ name: "fastmcp", version: "1.0.0" })
server.addTool({
  name: "math.add",
  description: "Add b to a.",
  parameters: z.object({ a: z.number(), b: z.number() }),
  execute: async ({ a, b }) => String(a + b)
})

/** fastmcp does not report its port, so a free one is chosen here. */
const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })

if (process.argv[2] === "http") {
  const port = await freePort()
  await server.start({
    transportType: "httpStream",
    httpStream: { host: "127.0.0.1", port, stateless: process.argv[3] === "stateless" }
  })
  console.error(`listening at http://127.0.0.1:${port}/`)
} else await server.start({ transportType: "stdio" })
