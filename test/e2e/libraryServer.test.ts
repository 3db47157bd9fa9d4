/** `serve` of the library as a process: its transports, its exit codes and its configuration. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { writeFile } from "node:fs/promises"
import { it } from "../support/effect.ts"
import { home } from "../support/userHome.ts"
import { initialize, request } from "../support/service.ts"

const program = new URL("../support/greeterProcess.ts", import.meta.url).pathname

/** Starts the server in a new folder with a new home folder. */
const start = Effect.fnUntraced(function* (options: object = {}, variables: Record<string, string> = {}) {
  const user = yield* home()
  return yield* Effect.acquireRelease(
    Effect.sync(() => ({
      user,
      child: Bun.spawn([process.execPath, program, JSON.stringify(options)], {
        cwd: user.dir,
        env: { ...process.env, ...user.env, ...variables },
        stdin: "pipe",
        stdout: "pipe",
        stderr: "pipe"
      })
    })),
    ({ child }) => Effect.promise(() => (child.kill("SIGKILL"), child.exited))
  )
})

const ended = (child: Bun.Subprocess<"pipe", "pipe", "pipe">) =>
  Effect.promise(async () => {
    const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    return { stdout, stderr, code }
  })

const send = (child: Bun.Subprocess<"pipe", "pipe", "pipe">, ...messages: ReadonlyArray<object>) =>
  Effect.promise(async () => {
    for (const message of messages) child.stdin.write(`${JSON.stringify(message)}\n`)
    await child.stdin.flush()
  })

const greet = request(2, "tools/call", { name: "greet", arguments: { name: "Ada" } })

/** Reads until the text contains `words` and returns it; the rest stays in the stream. */
const until = (stream: ReadableStream<Uint8Array>, words: string) =>
  Effect.promise(async () => {
    const reader = stream.getReader()
    const decoder = new TextDecoder()
    let text = ""
    while (!text.includes(words)) {
      const { done, value } = await reader.read()
      if (done) break
      text += decoder.decode(value, { stream: true })
    }
    reader.releaseLock()
    return text
  })

describe("a library server over stdio", () => {
  it.live("serves its entries under its name and exits with 0 at the end of the input", () =>
    Effect.gen(function* () {
      const { child } = yield* start()
      yield* send(child, initialize(), request(1, "tools/list"), greet)
      child.stdin.end()
      const { code, stderr, stdout } = yield* ended(child)
      expect(code).toBe(0)
      const responses = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { id: number; result: Record<string, unknown> })
        .toSorted((a, b) => a.id - b.id)
      expect(responses[0]?.result).toMatchObject({ serverInfo: { name: "greeter", version: "2.1.0" } })
      expect(responses[1]?.result["tools"]).toMatchObject([{ name: "greet" }])
      expect(responses[2]?.result["structuredContent"]).toEqual({ greeting: "Hello Ada" })
      // Output of a handler goes to standard error and never between the messages.
      expect(stderr).toContain("greeting Ada")
    })
  )

  it.live("exits with 0 on SIGTERM", () =>
    Effect.gen(function* () {
      const { child } = yield* start()
      yield* send(child, initialize())
      yield* until(child.stdout, '"id":0')
      child.kill("SIGTERM")
      expect(yield* Effect.promise(() => child.exited)).toBe(0)
    })
  )

  it.live("reads no configuration from its working folder or from manifold's variables", () =>
    Effect.gen(function* () {
      const { child, user } = yield* start({}, { MCP_CONFIG_JSON: "{", MCP_CONFIG_PATH: "/nowhere.yaml" })
      yield* Effect.promise(() => writeFile(user.path("manifold.yaml"), "server: {port: wrong}"))
      yield* send(child, initialize(), greet)
      child.stdin.end()
      const { code, stdout } = yield* ended(child)
      expect({ code, answered: stdout.includes("Hello Ada") }).toEqual({ code: 0, answered: true })
    })
  )

  it.live("applies the settings of the library", () =>
    Effect.gen(function* () {
      const { child } = yield* start({
        config: { server: { max_message_bytes: 1024 }, logging: { level: "none" } }
      })
      yield* send(
        child,
        initialize(),
        request(1, "tools/call", { name: "greet", arguments: { name: "x".repeat(2000) } })
      )
      child.stdin.end()
      const { stdout } = yield* ended(child)
      expect(stdout).toContain("1024 bytes")
    })
  )

  it.live("reports an invalid setting under its name and exits with 1", () =>
    Effect.gen(function* () {
      const { child } = yield* start({ config: { logging: { level: "loud" } } })
      child.stdin.end()
      const { code, stderr, stdout } = yield* ended(child)
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
      expect(stderr).toStartWith("greeter: ")
      expect(stderr).toContain("logging.level")
    })
  )
})

describe("a library server over HTTP", () => {
  const address = (text: string) => /greeter serves MCP at (\S+)\./.exec(text)?.[1] ?? ""
  const token = "0123456789abcdef0123456789abcdef"
  const withToken = {
    http: { port: 0 },
    config: { auth: { tokens: [{ name: "ci", token: "env:GREETER_TOKEN", scopes: ["read", "call"] }] } }
  }

  it.live("prints its endpoint under its name, requires a token and exits with 0 on SIGINT", () =>
    Effect.gen(function* () {
      const { child } = yield* start(withToken, { GREETER_TOKEN: token })
      const url = address(yield* until(child.stderr, "Ctrl-C"))
      const status = (headers: Record<string, string>) =>
        Effect.promise(() =>
          fetch(url, {
            method: "POST",
            headers: {
              "content-type": "application/json",
              accept: "application/json, text/event-stream",
              ...headers
            },
            body: JSON.stringify(initialize())
          }).then((response) => response.status)
        )
      expect(yield* status({})).toBe(401)
      expect(yield* status({ authorization: `Bearer ${token}` })).toBe(200)
      child.kill("SIGINT")
      expect(yield* Effect.promise(() => child.exited)).toBe(0)
    })
  )

  it.live("refuses to listen beyond loopback without authentication", () =>
    Effect.gen(function* () {
      const { child } = yield* start({ http: { host: "0.0.0.0", port: 0 } })
      const { code, stderr } = yield* ended(child)
      expect(code).toBe(1)
      expect(stderr).toStartWith("greeter: ")
      expect(stderr).toContain("auth")
    })
  )

  it.live("reloads its configuration file when it changes", () =>
    Effect.gen(function* () {
      const folder = yield* home({ "greeter.yaml": "logging: { level: debug }\n" })
      const { child } = yield* start({ http: { port: 0 }, configFile: folder.path("greeter.yaml") })
      const output = child.stdout.pipeThrough(new TextDecoderStream())
      const reloaded = Effect.promise(async () => {
        let seen = ""
        let changed = false
        for await (const text of output) {
          seen += text
          if (!changed && seen.includes("watching the configuration file")) {
            changed = true
            await writeFile(folder.path("greeter.yaml"), "logging: { level: info }\n")
          }
          if (seen.includes("configuration reloaded")) return true
        }
        return false
      })
      expect(yield* reloaded).toBe(true)
    })
  )
})
