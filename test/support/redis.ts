/** Redis servers for tests. Without `redis-server` these tests are skipped, except in CI, which installs it. */
import { describe } from "bun:test"
import { Effect } from "effect"

const program = Bun.which("redis-server")

/** `describe` if `redis-server` is installed, or in CI. */
export const describeRedis = (name: string, tests: () => void) =>
  program === null && !process.env["CI"]
    ? describe.skip(`${name} (skipped: needs redis-server)`, tests)
    : describe(name, tests)

const freePort = Effect.sync(() => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } })
  listener.stop(true)
  return listener.port
})

/** Starts a server without persistence on `port` and waits until it is ready. */
const start = (port: number, settings: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    const kept = ["--save", "", "--appendonly", "no"]
    const child = Bun.spawn(
      [program ?? "redis-server", "--bind", "127.0.0.1", "--port", `${port}`, ...kept, ...settings],
      { stdin: "ignore", stdout: "pipe", stderr: "inherit" }
    )
    let output = ""
    const decoder = new TextDecoder()
    for await (const chunk of child.stdout) {
      output += decoder.decode(chunk, { stream: true })
      if (output.includes("Ready to accept connections")) return child
    }
    throw new Error(`redis-server did not start:\n${output}`)
  })

export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Kills it with SIGKILL and waits for its end. */
  readonly kill: Effect.Effect<void>
  /** Starts it again, empty, on the same port. */
  readonly restart: Effect.Effect<void>
  /** SIGSTOP: connections stay open without responses. */
  readonly freeze: Effect.Effect<void>
  /** SIGCONT. */
  readonly thaw: Effect.Effect<void>
}

/** A Redis on a free port, killed with the scope. `settings` as on its command line. */
export const redisServer = Effect.fnUntraced(function* (...settings: ReadonlyArray<string>) {
  const port = yield* freePort
  let child = yield* start(port, settings)
  const kill = Effect.promise(() => {
    child.kill("SIGKILL")
    return child.exited
  })
  yield* Effect.addFinalizer(() => kill)
  const server: RedisServer = {
    url: `redis://127.0.0.1:${port}`,
    port,
    kill: Effect.asVoid(kill),
    restart: Effect.asVoid(Effect.tap(start(port, settings), (next) => Effect.sync(() => (child = next)))),
    freeze: Effect.sync(() => child.kill("SIGSTOP")),
    thaw: Effect.sync(() => child.kill("SIGCONT"))
  }
  return server
})
