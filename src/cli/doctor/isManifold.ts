/** Detects whether the MCP server at a URL is manifold. */
import { Effect } from "effect"
import { program } from "../../domain/version.ts"

/** Maximum number of bytes read of the response. */
const maxResponseBytes = 64 * 1024

/** `server/discover` (MCP 2026-07-28) opens no session, which `initialize` would. */
const discoverRequest = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "server/discover",
  params: {
    _meta: {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientInfo": { name: program.name, version: program.version },
      "io.modelcontextprotocol/clientCapabilities": {}
    }
  }
})

const read = async (response: Response) => {
  const chunks: Array<Uint8Array> = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk)
    size += chunk.length
    if (size > maxResponseBytes) break
  }
  return new TextDecoder().decode(await new Blob(chunks).arrayBuffer())
}

/** `false` also if the request fails or times out. */
export const isManifold = (url: string) =>
  Effect.tryPromise(async (signal) => {
    const response = await fetch(url, {
      method: "POST",
      redirect: "manual",
      signal,
      // The request contains no secret, and the check `certificate` reports certificate problems.
      tls: { rejectUnauthorized: false },
      headers: {
        // Every listener accepts this host, whatever the address.
        host: "localhost",
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "server/discover"
      },
      body: discoverRequest
    })
    const text = await read(response)
    const challenge = response.headers.get("www-authenticate") ?? ""
    return challenge.includes(`realm="${program.name}"`) || text.includes(`"name":"${program.name}"`)
  }).pipe(
    Effect.timeoutOrElse({ duration: "2 seconds", orElse: () => Effect.succeed(false) }),
    Effect.orElseSucceed(() => false)
  )
