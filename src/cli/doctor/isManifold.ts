/** Asks whether it is this program that serves MCP at a URL. */
import { Effect } from "effect"
import { program } from "../../domain/version.ts"

/** Of a stranger's answer no more than this is read, in bytes. */
const mostRead = 64 * 1024

/** `server/discover` (MCP 2026-07-28) opens no session, which `initialize` would. */
const question = JSON.stringify({
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
    if (size > mostRead) break
  }
  return new TextDecoder().decode(await new Blob(chunks).arrayBuffer())
}

/** `false` also when nothing answers, or too late. */
export const isManifold = (url: string) =>
  Effect.tryPromise(async (signal) => {
    const response = await fetch(url, {
      method: "POST",
      redirect: "manual",
      signal,
      // Nothing secret is sent, and whether clients trust the certificate is another question.
      tls: { rejectUnauthorized: false },
      headers: {
        // The name that every listener accepts, whatever address is asked.
        host: "localhost",
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "server/discover"
      },
      body: question
    })
    const text = await read(response)
    const challenge = response.headers.get("www-authenticate") ?? ""
    return challenge.includes(`realm="${program.name}"`) || text.includes(`"name":"${program.name}"`)
  }).pipe(
    Effect.timeoutOrElse({ duration: "2 seconds", orElse: () => Effect.succeed(false) }),
    Effect.orElseSucceed(() => false)
  )
