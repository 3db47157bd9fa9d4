/** Clients that make sequential calls over one open connection: WebSocket or legacy SSE. */
import { firstId, initialize, sessionCall } from "./protocol.ts"

export interface Talker {
  /** One `tools/call`, up to its response. */
  readonly call: () => Promise<void>
  readonly close: () => void
}

export type Connect = (url: string) => Promise<Talker>

const call = sessionCall(undefined).body
const initialized = JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })

/** Waits for the response to `firstId`: one call at a time. */
class Answers {
  #resolve: ((message: string) => void) | undefined

  hear(message: string) {
    if (message.includes(`"id":${firstId}`)) this.#resolve?.(message)
  }

  async after(send: () => unknown): Promise<string> {
    const answer = new Promise<string>((resolve) => (this.#resolve = resolve))
    await send()
    return answer
  }
}

const talker = async (
  send: (message: string) => unknown,
  answers: Answers,
  close: () => void
): Promise<Talker> => {
  await answers.after(() => send(initialize.body))
  await send(initialized)
  return {
    call: async () => {
      const answer = await answers.after(() => send(call))
      if (!answer.includes('"text":"3"')) throw new Error(`the call was answered ${answer.slice(0, 100)}`)
    },
    close
  }
}

export const overWebSocket: Connect = async (url) => {
  const socket = new WebSocket(url.replace("http:", "ws:"))
  const answers = new Answers()
  socket.addEventListener("message", ({ data }) => answers.hear(String(data)))
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve())
    socket.addEventListener("error", () => reject(new Error("the WebSocket did not open")))
  })
  return talker(
    (message) => socket.send(message),
    answers,
    () => socket.close()
  )
}

export const overSse: Connect = async (url) => {
  const leaving = new AbortController()
  const stream = await fetch(url, { headers: { accept: "text/event-stream" }, signal: leaving.signal })
  const answers = new Answers()
  const endpoint = Promise.withResolvers<string>()
  const read = async () => {
    const decoder = new TextDecoder()
    let buffer = ""
    for await (const chunk of stream.body ?? []) {
      buffer += decoder.decode(chunk, { stream: true })
      for (let end = buffer.indexOf("\n\n"); end >= 0; end = buffer.indexOf("\n\n")) {
        const data = /^data: (.*)$/m.exec(buffer.slice(0, end))?.[1] ?? ""
        if (buffer.startsWith("event: endpoint")) endpoint.resolve(data)
        else answers.hear(data)
        buffer = buffer.slice(end + 2)
      }
    }
  }
  // It ends by being aborted.
  void read().catch(() => {})
  const target = new URL(await endpoint.promise, url)
  const post = async (body: string) => {
    const sent = await fetch(target, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" }
    })
    await sent.text()
  }
  return talker(post, answers, () => leaving.abort())
}
