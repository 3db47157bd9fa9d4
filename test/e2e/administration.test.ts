/** Tools of administrators over a session of 2025-06-18, with the arguments of the document that describes them. */
import { expect } from "bun:test"
import { Effect, Layer } from "effect"
import { it } from "../support/effect.ts"
import { bearer } from "../support/rest.ts"
import { endpoint, openSession, post, request, service } from "../support/service.ts"

const admin = "admin-0123456789abcdef0123456789abcdef"
const user = "user-0123456789abcdef0123456789abcdef0"

const config = {
  auth: {
    tokens: [
      { name: "admin", token: admin, scopes: ["read", "call", "admin"] },
      { name: "user", token: user }
    ]
  },
  logging: { level: "error" },
  containers: { socket: "/no/such/engine.sock" },
  commands: { named: { "docker ps": { run: ["printf", "web1\\n"] } } }
}

/** The response of a request, also as the last event of a stream. */
const responseOf = (response: Response) =>
  Effect.promise(async () => {
    const text = await response.text()
    const [last = text] = text
      .split("\n")
      .flatMap((line) => (line.startsWith("data: ") ? [line.slice(6)] : []))
      .slice(-1)
    return JSON.parse(last) as { readonly result?: unknown }
  })

/** A session, whose headers have the version that the document names. */
const connected = (token: string) =>
  Effect.gen(function* () {
    const url = yield* endpoint
    const session = yield* openSession(url, "2025-06-18", bearer(token))
    let id = 0
    const send = (method: string, params: Record<string, unknown> = {}) =>
      Effect.map(
        Effect.flatMap(post(url, request(++id, method, params), session), responseOf),
        ({ result }) => Object(result)
      )
    return {
      tools: Effect.map(send("tools/list"), ({ tools: listed }) =>
        (listed as ReadonlyArray<{ readonly name: string }>).map(({ name }) => name)
      ),
      call: (name: string, args: Record<string, unknown> = {}) =>
        send("tools/call", { name, arguments: args })
    }
  })

const tools = [
  "add_certificate",
  "create_token",
  "get_logs",
  "list_certificates",
  "list_services",
  "list_tokens",
  "remove_certificate",
  "retry_certificate",
  "revoke_token",
  "run_command"
]

it.live("an administrator calls every tool, and other callers do not see them", () =>
  Effect.gen(function* () {
    const { call, tools: names } = yield* connected(admin)
    expect(yield* names).toEqual(expect.arrayContaining(tools))
    yield* Effect.logError("disk is almost full")
    expect(yield* call("get_logs", { lines: 100, level: "ERROR" })).toMatchObject({
      structuredContent: { lines: [{ level: "error", message: "disk is almost full" }] }
    })
    expect(yield* call("run_command", { command: "docker ps" })).toMatchObject({
      structuredContent: { command: "docker ps", exit_code: 0, stdout: "web1\n" }
    })
    expect(yield* call("list_tokens")).toMatchObject({
      structuredContent: { tokens: [{ name: "admin" }, { name: "user" }] }
    })
    expect(yield* call("list_services")).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining("set containers.socket") }]
    })
    expect(yield* call("echo", { message: "Hello MCP!" })).toMatchObject({
      content: [{ text: "Hello MCP!" }]
    })
    expect(yield* call("health_check")).toMatchObject({ structuredContent: { status: "healthy" } })
    const other = yield* connected(user)
    const seen = yield* other.tools
    expect(seen.filter((name) => tools.includes(name))).toEqual([])
  }).pipe(Effect.provide(Layer.unwrap(Effect.sync(() => service(config)))))
)
