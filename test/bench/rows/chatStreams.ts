/**
 * Conversations over WebSocket: time to the first chunk beside bare `fetch`, of a provider that takes 24 ms for it, and many
 * conversations that stream at the same time.
 */
import { join } from "node:path"
import { rss, start, type Running } from "../support/process.ts"
import { compare, type Measure, type Row, type Side } from "../support/Row.ts"
import { ours } from "../support/servers.ts"

const replay = [process.execPath, join(import.meta.dir, "../peers/replay.ts")]

const percentile = (figures: ReadonlyArray<number>, share: number) =>
  figures.toSorted((a, b) => a - b)[Math.min(figures.length - 1, Math.floor(figures.length * share))] ?? 0

const service = (scope: AsyncDisposableStack, baseUrl: string) =>
  start({
    ...ours,
    config: {
      ...ours.config,
      // All conversations stream at the same time.
      limits: { enabled: false, concurrency: { principal: 5000, total: 5000, queue: 5000 } },
      chat: {
        service: {
          streaming: { enabled: true },
          context: { max_tokens: 100_000, reserve_tokens: 1000, preserve_recent: 1 },
          max_tool_hops: 1,
          tools: []
        },
        max_turns: { principal: 5000, total: 5000 }
      },
      quotas: { streams: { principal: 5000, total: 5000 }, memory: { principal: 2 ** 30, total: 2 ** 30 } },
      llm: {
        active: "local",
        providers: { local: { base_url: baseUrl, model: "gpt-4o", concurrency: 5000 } }
      }
    }
  }).then((running) => scope.use(running))

interface Answer {
  readonly first: number
  readonly texts: ReadonlyArray<string>
}

/** One socket and its conversation. */
class Talker {
  readonly #socket: WebSocket
  #next = 0
  #onFrame: (frame: Record<string, unknown>) => void = () => {}
  readonly opened: Promise<unknown>

  constructor({ url }: Running) {
    this.#socket = new WebSocket(new URL("/ws/chat", url).href.replace("http", "ws"))
    this.opened = new Promise((resolve, reject) => {
      this.#socket.onopen = resolve
      this.#socket.onclose = reject
    })
    this.#socket.onmessage = ({ data }) => this.#onFrame(JSON.parse(String(data)) as Record<string, unknown>)
  }

  /** `heard`: called with each text as it arrives. */
  ask(heard: (text: string) => void = () => {}): Promise<Answer> {
    const begin = performance.now()
    let first: number | undefined
    const texts: Array<string> = []
    const { promise, reject, resolve } = Promise.withResolvers<Answer>()
    this.#onFrame = (frame) => {
      if (frame["status"] === "chunk") {
        first ??= performance.now() - begin
        const { data } = frame["chunk"] as { readonly data: string }
        texts.push(data)
        heard(data)
      } else if (frame["status"] === "complete") resolve({ first: first ?? Number.NaN, texts })
      else if (frame["status"] === "error") reject(new Error(JSON.stringify(frame["error"])))
    }
    const request_id = `${performance.timeOrigin}-${Math.random()}-${this.#next++}`
    this.#socket.send(JSON.stringify({ action: "chat", request_id, payload: { text: "hello" } }))
    return promise
  }

  close() {
    this.#socket.close()
  }
}

/** Answers before the first round, after which most of the code is compiled. */
const warmUp = 150

const firstChunk: ReadonlyArray<Measure> = [
  { measure: "chat over WebSocket, time to first chunk, p50", unit: "ms", better: "less" }
]

const manifold = (calls: number): Side => ({
  name: "manifold",
  open: async (scope) => {
    const { url } = scope.use(await start({ name: "replay", command: replay, path: "" }))
    const running = await service(scope, `${url}/paced/v1`)
    const ask = async (count: number) => {
      const times: Array<number> = []
      // A new conversation for every ten messages, so that its length does not grow without end.
      for (let call = 0; call < count; call += 10) {
        const talker = new Talker(running)
        await talker.opened
        for (let turn = 0; turn < 10; turn++) times.push((await talker.ask()).first)
        talker.close()
      }
      return [percentile(times, 0.5)]
    }
    await ask(warmUp)
    return () => ask(calls)
  }
})

const direct = (calls: number): Side => ({
  name: "bare fetch",
  open: async (scope) => {
    const { url } = scope.use(await start({ name: "replay", command: replay, path: "" }))
    const ask = async (count: number) => {
      const times: Array<number> = []
      for (let call = 0; call < count; call++) {
        const begin = performance.now()
        const body = JSON.stringify({
          model: "gpt-4o",
          stream: true,
          messages: [{ role: "user", content: "hello" }]
        })
        const response = await fetch(`${url}/paced/v1/chat/completions`, { method: "POST", body })
        let first: number | undefined
        for await (const bytes of response.body ?? []) {
          if (first === undefined && Buffer.from(bytes).includes("word0")) first = performance.now() - begin
        }
        times.push(first ?? Number.NaN)
      }
      return [percentile(times, 0.5)]
    }
    await ask(warmUp)
    return () => ask(calls)
  }
})

const many: ReadonlyArray<Measure> = [
  {
    measure: "chat, conversations that stream 20 chunks/s each, delay of a chunk, p99",
    unit: "ms",
    better: "less"
  },
  { measure: "chat, streaming conversation, RSS", unit: "KB", better: "less" }
]

const crowd = (conversations: number): Side => ({
  name: `manifold, ${conversations} conversations`,
  open: async (scope) => {
    const { url } = scope.use(await start({ name: "replay", command: replay, path: "" }))
    const running = await service(scope, `${url}/timed/v1`)
    return async () => {
      const before = rss(running.pid)
      const talkers = Array.from({ length: conversations }, () => new Talker(running))
      await Promise.all(talkers.map(({ opened }) => opened))
      const delays: Array<number> = []
      const heard = (text: string) => {
        const now = performance.timeOrigin + performance.now()
        for (const sent of text.trim().split(" ")) {
          const at = Number(sent)
          if (at > 1e12) delays.push(now - at)
        }
      }
      const answers = talkers.map(async (talker, index) => {
        // Their chunks are spread over the time between two.
        await Bun.sleep((index / conversations) * 1000)
        return talker.ask(heard)
      })
      await Bun.sleep(2500)
      const after = rss(running.pid)
      await Promise.all(answers)
      for (const talker of talkers) talker.close()
      const grown = before === undefined || after === undefined ? undefined : (after - before) / 1024
      return [percentile(delays, 0.99), grown === undefined ? undefined : grown / conversations]
    }
  }
})

const none: Side = { name: "", open: async () => async () => [] }

export const chatStreams: Row = {
  name: "chat",
  run: async function* ({ quick, rounds }) {
    const calls = quick ? 30 : 100
    yield* compare(firstChunk, manifold(calls), direct(calls), rounds)
    yield* compare(many, crowd(quick ? 250 : 1000), none, quick ? 1 : 2)
  }
}
