/** Destinations of the program's log: standard error on stdio, standard output over HTTP, and the log file. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { it } from "../support/effect.ts"
import { program } from "../support/program.ts"
import { initialize, request, stateFolder } from "../support/service.ts"
import { manifold } from "../support/stdio.ts"

const setUp = (dir: string, logging: Record<string, unknown>) => ({
  MCP_CONFIG_JSON: JSON.stringify({ storage: { dir }, logging, server: { port: 0 } })
})

const parsed = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)

const fileIn = (dir: string) => Effect.promise(() => Bun.file(`${dir}/logs/manifold.log`).text())

it.live(
  "over stdio the log goes to standard error and the file, and standard output has only protocol messages",
  () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      const lines = [
        initialize(),
        "this is not JSON",
        request(1, "tools/call", { name: "echo", arguments: { message: '\n{"level":"fatal"}' } })
      ]
      const { code, stderr, stdout } = yield* manifold(["serve"], {
        env: setUp(dir, { level: "trace", file: "logs/manifold.log" }),
        stdin: lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("")
      })
      expect(code).toBe(0)
      for (const message of parsed(stdout)) expect(message).toMatchObject({ jsonrpc: "2.0" })
      const log = parsed(stderr)
      expect(log).toContainEqual(expect.objectContaining({ level: "debug", message: "serving stdio" }))
      for (const line of log)
        expect(line).toMatchObject({ timestamp: expect.any(String), level: expect.any(String) })
      expect(parsed(yield* fileIn(dir))).toEqual(log)
    })
)

it.live(
  "over HTTP the log goes to standard output and the file, including the last lines before the exit",
  () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          Bun.spawn([...program, "serve", "--http"], {
            stdin: "ignore",
            stdout: "pipe",
            stderr: "pipe",
            env: { ...process.env, ...setUp(dir, { file: "logs/manifold.log" }) }
          })
        ),
        (running) =>
          Effect.promise(() => {
            running.kill("SIGKILL")
            return running.exited
          })
      )
      const [stdout, stderr] = yield* Effect.promise(async () => {
        const decoder = new TextDecoder()
        let text = ""
        for await (const chunk of child.stdout) {
          const first = text === ""
          text += decoder.decode(chunk, { stream: true })
          if (first) child.kill("SIGTERM")
        }
        return [text, await new Response(child.stderr).text()] as const
      })
      const log = parsed(stdout)
      expect(log[0]).toMatchObject({
        level: "info",
        message: "listening",
        url: expect.stringContaining("http")
      })
      expect(log.at(-1)).toMatchObject({ level: "info", message: "stopping", shutdown_timeout_ms: 5000 })
      expect(parsed(yield* fileIn(dir))).toEqual(log)
      for (const line of stderr.split("\n")) expect(line.startsWith("{")).toBe(false)
    })
)

it.live("standard output of a command has only its result", () =>
  Effect.gen(function* () {
    const dir = yield* stateFolder
    const { code, stdout } = yield* manifold(["call", "echo", "--arg", "message=hello"], {
      env: setUp(dir, { level: "trace" })
    })
    expect({ code, stdout }).toEqual({ code: 0, stdout: "hello\n" })
  })
)

it.live("a log file that cannot be created does not stop the program", () =>
  Effect.gen(function* () {
    const dir = yield* stateFolder
    yield* Effect.promise(() => Bun.write(`${dir}/logs`, "a file where a folder is needed"))
    const { code, stderr, stdout } = yield* manifold(["serve"], {
      env: setUp(dir, { level: "debug", file: "logs/manifold.log" }),
      stdin: `${JSON.stringify(initialize())}\n`
    })
    expect(code).toBe(0)
    expect(parsed(stdout)).toMatchObject([{ id: 0, result: {} }])
    expect(parsed(stderr)).toContainEqual(
      expect.objectContaining({ level: "warn", message: expect.stringContaining("cannot write the log") })
    )
  })
)
