/** JSON-RPC messages of the benchmark: the measured call, and the handshake of the session era. */

/** Placeholder of the id in `body`; all ids have its width, so that every request has the same length. */
export const firstId = 1_000_000

export interface Wire {
  readonly headers: Readonly<Record<string, string>>
  /** A JSON-RPC request with the id `firstId`. */
  readonly body: string
}

export const sessionVersion = "2025-11-25"
const modernVersion = "2026-07-28"
const client = { name: "bench", version: "1.0.0" }
const json = { "content-type": "application/json", accept: "application/json, text/event-stream" }
const add = { name: "math.add", arguments: { a: 1, b: 2 } }

const request = (method: string, params: unknown) =>
  JSON.stringify({ jsonrpc: "2.0", id: firstId, method, params })

/** `tools/call` of 2026-07-28: a self-contained request without a session. */
export const modernCall: Wire = {
  headers: {
    ...json,
    "mcp-protocol-version": modernVersion,
    "mcp-method": "tools/call",
    "mcp-name": add.name
  },
  body: request("tools/call", {
    ...add,
    _meta: {
      "io.modelcontextprotocol/protocolVersion": modernVersion,
      "io.modelcontextprotocol/clientInfo": client,
      "io.modelcontextprotocol/clientCapabilities": {}
    }
  })
}

const inSession = (id: string | undefined) => ({
  ...json,
  "mcp-protocol-version": sessionVersion,
  ...(id !== undefined && { "mcp-session-id": id })
})

/** `tools/call` in a session, or without one if the server is stateless. */
export const sessionCall = (id: string | undefined): Wire => ({
  headers: inSession(id),
  body: request("tools/call", add)
})

export const ping = (id: string): Wire => ({ headers: inSession(id), body: request("ping", {}) })

export const initialize: Wire = {
  headers: json,
  body: request("initialize", { protocolVersion: sessionVersion, capabilities: {}, clientInfo: client })
}

const initialized = (id: string | undefined): Wire => ({
  headers: inSession(id),
  body: JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })
})

const answerTimeout = 20_000

export const post = (url: string, { body, headers }: Wire) =>
  fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(answerTimeout) })

/** Opens a session as a client does; returns its id, or `undefined` if the server is stateless. */
export const openSession = async (url: string): Promise<string | undefined> => {
  const answer = await post(url, initialize)
  const text = await answer.text()
  if (!text.includes('"serverInfo"')) {
    throw new Error(`initialize was answered ${answer.status}: ${text.slice(0, 100)}`)
  }
  const id = answer.headers.get("mcp-session-id") ?? undefined
  await (await post(url, initialized(id))).text()
  return id
}

/** Fails unless the result is the sum, so that errors do not count as fast calls. */
export const verify = async (url: string, wire: Wire) => {
  const answer = await post(url, wire)
  const text = await answer.text()
  if (answer.status !== 200 || !/"text":\s*"(3|\{\\"result\\":3\})"/.test(text)) {
    throw new Error(`the call was answered ${answer.status}: ${text.slice(0, 100)}`)
  }
}
