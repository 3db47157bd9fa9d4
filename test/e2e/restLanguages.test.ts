/** Clients of the REST service in other languages: curl, Python, and requests as httpx and Go's net/http write them. */
import { describe, expect } from "bun:test"
import { mkdir } from "node:fs/promises"
import { delimiter, join } from "node:path"
import { Effect } from "effect"
import { raw } from "../support/rawHttp.ts"
import { it } from "../support/effect.ts"
import { get, json } from "../support/rest.ts"
import { endpoint, service, stateFolder } from "../support/service.ts"
import { startStdio } from "../support/stdio.ts"

/** Another service, to which the service of the test connects. */
const withServer = <A, E, R>(
  test: (mcpUrl: string) => Effect.Effect<A, E, R>,
  config: Record<string, unknown> = {}
) =>
  Effect.flatMap(endpoint, (url) =>
    test(url.href).pipe(Effect.provide(service(config), { local: true }))
  ).pipe(Effect.provide(service()))

const output = (command: ReadonlyArray<string>, script: string) =>
  Effect.promise(async () => {
    const child = Bun.spawn([...command], { stdin: Buffer.from(script), stdout: "pipe", stderr: "pipe" })
    const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${stderr}`)
    return stdout
  })

const shellScript = (origin: string, mcpUrl: string) => `set -e
RESPONSE=$(curl -sS -X POST ${origin}/mcp/connect \\
  -H "Content-Type: application/json" \\
  -d '{ "transport": "http", "mcp_url": "${mcpUrl}", "auth_type": "none" }')
CLIENT_ID=$(echo "$RESPONSE" | sed -E 's/.*"client_id": ?"([^"]+)".*/\\1/')
curl -sS ${origin}/mcp/list_tools?client_id=$CLIENT_ID; echo
curl -sS -X POST ${origin}/mcp/call_tool \\
  -H "Content-Type: application/json" \\
  -d "{ \\"client_id\\": \\"$CLIENT_ID\\", \\"tool_name\\": \\"math.add\\", \\"arguments\\": {\\"a\\": 2, \\"b\\": 3} }"; echo
curl -sS -X POST ${origin}/mcp/disconnect -H "Content-Type: application/json" -d "{\\"client_id\\": \\"$CLIENT_ID\\"}"
`

const pythonProgram = (origin: string, mcpUrl: string) => `
import json, urllib.request

def call(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request("${origin}" + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)

client_id = call("/mcp/connect", {"transport": "http", "mcp_url": "${mcpUrl}", "auth_type": "none"})["client_id"]
print(json.dumps(call("/mcp/list_tools?client_id=" + client_id)))
print(json.dumps(call("/mcp/call_tool", {"client_id": client_id, "tool_name": "math.add", "arguments": {"a": 2, "b": 3}})))
print(json.dumps(call("/mcp/disconnect", {"client_id": client_id})))
`

const hasPython = Bun.spawnSync(["sh", "-c", "python3 --version"]).exitCode === 0

/** What the list, the call and the disconnection returned, a line each. */
const expectAnswers = (printed: string) => {
  const [listed, called, ended] = printed
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
  expect(listed.count).toBe(listed.tools.length)
  expect(listed.tools).toContainEqual(expect.objectContaining({ name: "math.add" }))
  expect(called).toMatchObject({ status: "success", result: { result: 5 } })
  expect(ended).toMatchObject({ status: "disconnected" })
}

describe("a client connects, lists, calls and disconnects", () => {
  it.live("with curl in a shell", () =>
    withServer((mcpUrl) =>
      Effect.gen(function* () {
        const { origin } = yield* endpoint
        expectAnswers(yield* output(["sh"], shellScript(origin, mcpUrl)))
      })
    )
  )

  if (hasPython)
    it.live("with Python", () =>
      withServer((mcpUrl) =>
        Effect.gen(function* () {
          const { origin } = yield* endpoint
          expectAnswers(yield* output(["python3", "-"], pythonProgram(origin, mcpUrl)))
        })
      )
    )
})

describe("requests are accepted as they are written", () => {
  const posted = (origin: URL, path: string, headers: ReadonlyArray<string>, body: string) =>
    Effect.promise(() =>
      raw(
        Number(origin.port),
        [
          `POST ${path} HTTP/1.1`,
          `Host: ${origin.host}`,
          ...headers,
          `Content-Length: ${Buffer.byteLength(body)}`,
          "",
          body
        ].join("\r\n")
      )
    )
  const clients: ReadonlyArray<readonly [string, ReadonlyArray<string>, (mcpUrl: string) => string]> = [
    [
      "by httpx",
      [
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: keep-alive",
        "User-Agent: python-httpx/0.27.0",
        "Content-Type: application/json"
      ],
      (mcp_url) => JSON.stringify({ transport: "http", mcp_url, auth_type: "none" })
    ],
    [
      "by Go's net/http, from a struct whose other fields are not sent",
      ["User-Agent: Go-http-client/1.1", "Content-Type: application/json"],
      (mcp_url) => JSON.stringify({ transport: "http", mcp_url, auth_type: "none" })
    ],
    [
      "by Go's net/http, from a struct with empty values, and with a line end after the value",
      ["User-Agent: Go-http-client/1.1", "Content-Type: application/json"],
      (mcp_url) =>
        `${JSON.stringify({ transport: "http", mcp_url, command: null, auth_type: "none", bearer_token: null, name: null, timeout: null })}\n`
    ]
  ]
  for (const [name, headers, bodyOf] of clients) {
    it.live(name, () =>
      withServer((mcpUrl) =>
        Effect.gen(function* () {
          const origin = yield* endpoint
          const reply = yield* posted(origin, "/mcp/connect", headers, bodyOf(mcpUrl))
          expect(reply.body).toContain('"status":"connected"')
          expect(reply.status).toBe(201)
        })
      )
    )
  }
})

describe("a body beyond server.max_message_bytes", () => {
  it.live("is 413 and connects nothing, with a declared length and in chunks", () =>
    Effect.gen(function* () {
      const { host, href, port } = yield* endpoint
      const text = JSON.stringify({ transport: "http", mcp_url: href, name: "x".repeat(200_000) })
      const head = `POST /mcp/connect HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`
      const chunked = `Transfer-Encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`
      const replies = yield* Effect.forEach(
        [`Content-Length: ${text.length}\r\n\r\n${text}`, chunked],
        (rest) => Effect.promise(() => raw(Number(port), head + rest))
      )
      expect(replies.map(({ status }) => status)).toEqual([413, 413])
      expect((yield* json(get("/mcp/clients"))).body).toMatchObject({ count: 0 })
    }).pipe(Effect.provide(service({ server: { max_message_bytes: 100_000 } })))
  )
})

describe("servers_config.json of another MCP host", () => {
  it.live("is served without a change, with the program that it names on the PATH", () =>
    Effect.gen(function* () {
      const folder = yield* stateFolder
      const bin = join(folder, "bin")
      const project = join(folder, "project")
      const demo = new URL("../support/greeterProcess.ts", import.meta.url).pathname
      const file = join(folder, "servers_config.json")
      yield* Effect.promise(async () => {
        await mkdir(project)
        // Runs the demo server like uv, and fails with other arguments or in another folder.
        await Bun.write(
          join(bin, "uv"),
          `#!/bin/sh\n[ "$*" = "run python Servers/demo_server.py" ] && [ "$(pwd -P)" = "$(cd ${project} && pwd -P)" ] || exit 1\nexec ${process.execPath} ${demo}\n`
        )
        await Bun.$`chmod +x ${join(bin, "uv")}`.quiet()
        const server = {
          enabled: true,
          command: "uv",
          args: ["run", "python", "Servers/demo_server.py"],
          cwd: project,
          env: {}
        }
        await Bun.write(file, JSON.stringify({ mcpServers: { demo: server } }, null, 2))
      })
      const program = yield* startStdio({
        MCP_SERVERS_CONFIG_PATH: file,
        PATH: `${bin}${delimiter}${process.env["PATH"]}`,
        XDG_STATE_HOME: join(folder, "state")
      })
      const ask = (id: number, method: string, params: object) =>
        Effect.gen(function* () {
          yield* program.send({ jsonrpc: "2.0", id, method, params })
          for (;;) {
            const message = yield* program.next
            if (message === undefined) throw new Error("the server ended")
            if (message["id"] === id) return message
          }
        })
      yield* ask(0, "initialize", {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "test", version: "1" }
      })
      yield* program.send({ jsonrpc: "2.0", method: "notifications/initialized" })
      const listed = yield* ask(1, "tools/list", {})
      expect(listed["result"]).toMatchObject({
        tools: expect.arrayContaining([expect.objectContaining({ name: "demo__greet" })])
      })
    })
  )
})
