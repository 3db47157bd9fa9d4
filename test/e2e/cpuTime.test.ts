/** CPU time of messages of the maximum size: no message blocks the event loop for long. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { it } from "../support/effect.ts"
import { program } from "../support/program.ts"
import { initialize, post, request, stateFolder, stateless } from "../support/service.ts"
const size = 4 * 1024 * 1024 - 2000

/** The real program; resolves with its URL. */
const running = Effect.gen(function* () {
  const dir = yield* stateFolder
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      Bun.spawn([...program, "serve", "--http"], {
        cwd: dir,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "ignore",
        env: {
          ...process.env,
          MCP_CONFIG_JSON: JSON.stringify({
            storage: { dir },
            server: { port: 0 },
            logging: { level: "info" }
          })
        }
      })
    ),
    (spawned) =>
      Effect.promise(() => {
        spawned.kill("SIGKILL")
        return spawned.exited
      })
  )
  const url = yield* Effect.promise(async () => {
    let text = ""
    const decoder = new TextDecoder()
    for await (const chunk of child.stdout) {
      text += decoder.decode(chunk, { stream: true })
      const found = /https?:\/\/[\w.:[\]]+/.exec(text)
      if (found !== null) return found[0]
    }
    throw new Error(`the program did not start: ${text}`)
  })
  return new URL("/mcp", url)
})

/** CPU seconds that the program has used, including its threads. */
const processorTime = (url: URL) =>
  Effect.promise(async () => {
    const text = await (await fetch(new URL("/metrics", url))).text()
    return Number(/^process_cpu_seconds_total (\S+)/m.exec(text)?.[1])
  })

/** The number of repetitions that fit into a message of the maximum size. */
const fill = (piece: (index: number) => string) => {
  const pieces: Array<string> = []
  for (let length = 0, index = 0; length < size; index++) {
    const next = piece(index)
    pieces.push(next)
    length += next.length + 1
  }
  pieces.pop()
  return pieces.join()
}

const call = (name: string, args: string) => {
  const { body, headers } = stateless(1, "tools/call", { name, arguments: "ARGUMENTS" })
  return { body: JSON.stringify(body).replace('"ARGUMENTS"', args), headers }
}

const nine = (piece: (index: number) => string, count: number) =>
  Array.from({ length: count }, (_, at) => piece(at)).join()

/** Messages by what fills them. */
const messages: Record<string, { readonly body: string; readonly headers: Record<string, string> }> = {
  "list elements": call("echo", `{"message":[${fill(() => "1")}]}`),
  "empty objects": call("echo", `{"message":[${fill(() => "{}")}]}`),
  keys: call("echo", `{"message":"a",${fill((index) => `"k${index}":1`)}}`),
  "keys within the bounds": call("echo", `{"message":"a",${nine((index) => `"k${index}":1`, 9900)}}`),
  "list elements within the bounds": call(
    "content.create",
    `{"source_content_details":[${nine(() => "1", 99_000)}]}`
  ),
  "unknown arguments of a prompt within the bounds": (() => {
    const { body, headers } = stateless(1, "prompts/get", { name: "summarize", arguments: "ARGUMENTS" })
    const args = `{"topic":"x",${nine((index) => `"topi${index}":"1"`, 9900)}}`
    return { body: JSON.stringify(body).replace('"ARGUMENTS"', args), headers }
  })(),
  "nested lists": { body: "[".repeat(size), headers: {} },
  "escaped quotes": call("echo", JSON.stringify({ message: '"'.repeat(size / 2 - 100) })),
  "capabilities in initialize": {
    body: JSON.stringify(initialize()).replace(
      '"capabilities":{}',
      `"capabilities":{"experimental":{${fill((index) => `"k${index}":{}`)}}}`
    ),
    headers: {}
  },
  "a batch": { body: `[${fill(() => JSON.stringify(request(1, "ping")))}]`, headers: {} },
  "what is not JSON": { body: fill(() => "}"), headers: {} }
}

/** Limit in seconds: 100 ms of a blocked event loop, on a machine that is several times slower. */
const most = 0.3

it.live("a message of the maximum size costs little CPU time, whatever it contains", () =>
  Effect.gen(function* () {
    const url = yield* running
    // Warm-up: compiles the code that the measured messages run.
    for (const { body, headers } of [call("echo", '{"message":"a"}'), ...Object.values(messages)]) {
      yield* Effect.flatMap(post(url, body, headers), (response) => Effect.promise(() => response.text()))
    }
    const costs: Record<string, number> = {}
    for (const [name, { body, headers }] of Object.entries(messages)) {
      const before = yield* processorTime(url)
      const text = yield* Effect.flatMap(post(url, body, headers), (response) =>
        Effect.promise(() => response.text())
      )
      costs[name] = (yield* processorTime(url)) - before
      expect([name, text.length < 9 * 1024 * 1024]).toEqual([name, true])
    }
    expect(Object.entries(costs).filter(([, seconds]) => seconds > most)).toEqual([])
  })
)
