/** The configuration and the servers behind it that fill a state folder, and those that open it again. */
import { Effect } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { chunk, done, events, server, usage } from "../models.ts"
import { servingProcess } from "../servingProcess.ts"

/** OAuth clients are bound to it; requests are sent to the port of the process instead. */
export const publicUrl = "http://mcp.localhost:8000"
export const account = "alice"
export const proxiedHost = "app.example.com"
/** The program of the server `greeter`, found by the search path, so that its settings are the same on each machine. */
export const upstreamProgram = "manifold-fixture-upstream"

const shiftedClock = new URL("shiftedClock.ts", import.meta.url).pathname
const greeter = new URL("../greeterProcess.ts", import.meta.url).pathname

/** Messages of the user that the model treats in another way than by an answer. */
export const callTool = "call a tool"
export const neverEnd = "never end"

const lastMessage = (body: unknown) => {
  const messages: ReadonlyArray<{ readonly role: string; readonly content: unknown }> = Object(body).messages
  const last = messages.at(-1)
  return { role: last?.role, text: JSON.stringify(last?.content ?? "") }
}

/** A model that answers each message with it, or calls the tool `greeter__greet`, or stays silent after some text. */
export const modelServer = server(async (request) => {
  const { role, text } = lastMessage(await request.json())
  if (text.includes(neverEnd)) return events([chunk({ content: "Well, " })], "open")
  if (role === "user" && text.includes(callTool)) {
    const call = { name: "greeter__greet", arguments: '{"name":"Ada"}' }
    const tool_calls = [{ index: 0, id: "call-1", type: "function", function: call }]
    return events([chunk({ tool_calls }), chunk({}, { finish: "tool_calls" }), usage(1000, 500), done])
  }
  const words = ["You said ", text.slice(0, 200)].map((content) => chunk({ content }))
  return events([...words, chunk({}, { finish: "stop" }), usage(1000, 500), done])
})

export interface StateOptions {
  readonly dir: string
  readonly model: string
  readonly store: "jsonl" | "sql"
  readonly edge?: Readonly<Record<string, unknown>>
}

const forever = "10000 days"

export const configOf = ({ dir, edge, model, store }: StateOptions) => ({
  storage: {
    dir,
    retention: { usage_calls: forever, usage_spent: forever, api_tokens: forever, audit_rows: forever }
  },
  server: { public_url: publicUrl },
  auth: { anonymous_loopback: false },
  llm: { active: "local", providers: { local: { base_url: model, model: "m", max_tokens: 1000 } } },
  prices: { models: { "local/m": [{ input: 10, output: 20 }] } },
  usage: { cost_total_max: 100, principal: { cost_total_max: 50 } },
  chat: {
    service: {
      streaming: { enabled: true },
      context: { max_tokens: 1_000_000, reserve_tokens: 1000, preserve_recent: 4 },
      max_tool_hops: 2,
      input_timeout: "1 hour"
    },
    segment_bytes: 65_536,
    retention: forever,
    store
  },
  mcp: { connection: { allow_stdio_commands: true } },
  mcpServers: { greeter: { command: upstreamProgram } },
  ...(edge !== undefined && { edge })
})

/** Variables of processes whose clock is set; a process uses a later setting at SIGUSR2. `folder`: for the file of the clock. */
export const clockEnvironment = (folder: string, shift = 0) => {
  const file = `${folder}/clock`
  const set = (milliseconds: number) => writeFileSync(file, String(milliseconds))
  set(shift)
  return { set, env: { MANIFOLD_TEST_CLOCK: file, BUN_OPTIONS: `--preload ${shiftedClock}` } }
}

/** Variables of processes on a state folder: the program of the upstream server, and a clock that is shifted. */
export const stateEnvironment = (home: string, shift = 0) => {
  mkdirSync(`${home}/bin`, { recursive: true })
  writeFileSync(`${home}/bin/${upstreamProgram}`, `#!/bin/sh\nexec '${process.execPath}' '${greeter}'\n`, {
    mode: 0o755
  })
  return {
    PATH: `${home}/bin:${process.env["PATH"] ?? ""}`,
    HOME: home,
    ...clockEnvironment(home, shift).env
  }
}

/** Serves the folder in a process with that environment. */
export const serveState = Effect.fnUntraced(function* (
  options: StateOptions,
  env: Readonly<Record<string, string>>
) {
  const { child, edge, url } = yield* servingProcess({ config: configOf(options), env })
  /** Sends a request for the public URL to the port of the process. */
  const send = (target: string | URL, init: RequestInit = {}) => {
    const wanted = new URL(target, publicUrl)
    const headers = new Headers(init.headers)
    headers.set("host", wanted.host)
    return fetch(new URL(`${wanted.pathname}${wanted.search}`, url), { ...init, headers })
  }
  /** Sends JSON with a token, and reads the JSON of the response. */
  const json = (token: string, path: string, body?: unknown, more: Readonly<Record<string, string>> = {}) =>
    Effect.promise(async () => {
      const response = await send(path, {
        ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
        headers: {
          authorization: `Bearer ${token}`,
          "content-type": "application/json",
          ...more
        }
      })
      const text = await response.text()
      return {
        status: response.status,
        body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>
      }
    })
  return { child, edge, send, json }
})

export type StateService = Effect.Success<ReturnType<typeof serveState>>
