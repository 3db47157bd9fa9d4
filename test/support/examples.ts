/** The programs in `docs/examples`, and what they must do: run from the source by the tests, from the package by `bun run package`. */
import { mkdir, readdir } from "node:fs/promises"
import { join } from "node:path"
import { root } from "./codeBlocks.ts"

const folder = `${root}docs/examples`

/** Text of each file, by name. */
export const exampleFiles = async (): Promise<ReadonlyArray<readonly [name: string, text: string]>> => {
  const names = (await readdir(folder)).toSorted()
  return Promise.all(names.map(async (name) => [name, await Bun.file(`${folder}/${name}`).text()] as const))
}

type Environment = Readonly<Record<string, string | undefined>>

const list = [
  {
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } }
  },
  { method: "tools/call", params: { name: "greet", arguments: { name: "Ada" } } }
]

/** Output of the greeter for a call of its tool over stdio. */
export const greet = async (cwd: string, env: Environment): Promise<string> => {
  const input = list.map((message, id) => `${JSON.stringify({ jsonrpc: "2.0", id, ...message })}\n`).join("")
  const child = Bun.spawn([process.execPath, "greeter.ts"], {
    cwd,
    env: { ...process.env, ...env },
    stdin: new TextEncoder().encode(input),
    stdout: "pipe",
    // The log.
    stderr: "ignore"
  })
  return child.stdout.text()
}

const event = (delta: object, finish: string | null) =>
  `data: ${JSON.stringify({ id: "1", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`

/** A model with the interface of OpenAI that calls the tool `count_stock`, and repeats its result. */
const model = () =>
  Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      // It has no list of models.
      if (request.method === "GET") return new Response("{}", { status: 404 })
      // Only the last message is read.
      const { messages } = (await request.json()) as {
        messages: ReadonlyArray<{ role: string; content: unknown }>
      }
      const last = messages.at(-1)
      const call = {
        index: 0,
        id: "c1",
        type: "function",
        function: { name: "count_stock", arguments: '{"article":"teapot"}' }
      }
      const said =
        last?.role === "tool"
          ? event({ content: `Result: ${JSON.stringify(last.content)}` }, null) + event({}, "stop")
          : event({ tool_calls: [call] }, null) + event({}, "tool_calls")
      return new Response(`${said}data: [DONE]\n\n`, { headers: { "content-type": "text/event-stream" } })
    }
  })

export interface Shop {
  readonly page: string
  readonly answer: string
  /** Output of client.ts. */
  readonly ticket: string
  readonly code: number
}

/** Runs an example with a local model, and stops it. Its output names its address. */
const visit = async <A>(
  script: string,
  cwd: string,
  env: Environment,
  use: (url: string) => Promise<A>
): Promise<A & { readonly code: number }> => {
  const provider = model()
  await mkdir(cwd, { recursive: true })
  const config = join(cwd, "shop.yaml")
  const text = await Bun.file(`${folder}/shop.yaml`).text()
  const local = text.replace(/^( *)model: .*$/m, `$&\n$1base_url: http://127.0.0.1:${provider.port}/v1`)
  await Bun.write(config, `${local}outbound:\n  allow_hosts: ["127.0.0.1:${provider.port}"]\n`)
  const child = Bun.spawn([process.execPath, script], {
    cwd,
    env: { ...process.env, ...env, PORT: "0", OPENAI_API_KEY: "key" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe"
  })
  try {
    let output = ""
    const address = / is at (http\S+)\n/
    const decoder = new TextDecoder()
    for await (const chunk of child.stdout) {
      output += decoder.decode(chunk, { stream: true })
      if (address.test(output)) break
    }
    const url = address.exec(output)?.[1] ?? ""
    if (url === "") throw new Error(`${script} did not start:\n${output}${await child.stderr.text()}`)
    const used = await use(url)
    child.kill("SIGTERM")
    return { ...used, code: await child.exited }
  } finally {
    child.kill("SIGKILL")
    await provider.stop(true)
  }
}

/** Reads the page of the shop, and asks its chat. */
export const visitShop = (cwd: string, env: Environment): Promise<Shop> =>
  visit("shop.ts", cwd, env, async (url) => {
    const page = await (await fetch(url)).text()
    const asked = await fetch(`${url}/chat`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text: "How many teapots are there?" })
    })
    const answer = await asked.text()
    const client = Bun.spawn([process.execPath, "client.ts"], {
      cwd,
      env: { ...process.env, ...env, SERVICE: url },
      stdout: "pipe",
      stderr: "inherit"
    })
    return { page, answer, ticket: await client.stdout.text() }
  })

export interface Mounted {
  readonly page: string
  /** Frames of a message over WebSocket. */
  readonly frames: ReadonlyArray<string>
  /** Status of a page of another host that reached the server under its name (DNS rebinding). */
  readonly rebound: number
  readonly code: number
}

/** Reads the page of the program that mounts the service, and asks the service over WebSocket. */
export const visitMounted = (cwd: string, env: Environment): Promise<Mounted> =>
  visit("mounted.ts", cwd, env, async (url) => {
    const page = await (await fetch(url)).text()
    const { status: rebound } = await fetch(`${url}/mcp`, { headers: { host: "attacker.example" } })
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws/chat`)
    const { promise, reject, resolve } = Promise.withResolvers<ReadonlyArray<string>>()
    const frames: Array<string> = []
    socket.addEventListener("open", () =>
      socket.send(JSON.stringify({ action: "chat", request_id: "one", payload: { text: "Hello" } }))
    )
    socket.addEventListener("message", ({ data }) => {
      frames.push(String(data))
      if (/"status":"(complete|error)"/.test(String(data))) resolve(frames)
    })
    socket.addEventListener("close", ({ code }) => reject(new Error(`the socket closed with ${code}`)))
    return { page, rebound, frames: await promise }
  })
