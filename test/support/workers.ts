/** `manifold serve --http --workers N` as processes, for tests of them. */
import { Effect } from "effect"
import { sqlite } from "./databases.ts"
import { program } from "./program.ts"

interface Line {
  readonly message: string
  readonly worker?: number
  readonly pid?: number
}

export interface WorkersOptions {
  readonly config?: Readonly<Record<string, unknown>>
  /** A configuration file instead of `config`. */
  readonly file?: string
  readonly workers?: number
  /** Default: any free port. */
  readonly port?: number
}

/** For a load of as many requests as the workers can serve. */
export const unlimited = { limits: { enabled: false } }

/** Starts the supervisor, and waits until the workers listen. All of them end with the scope. */
export const workers = Effect.fnUntraced(function* ({
  config = {},
  file,
  port = 0,
  workers: count = 2
}: WorkersOptions = {}) {
  const storage = yield* sqlite
  return yield* Effect.acquireRelease(
    Effect.promise(async () => {
      const child = Bun.spawn(
        [
          ...program,
          "serve",
          "--http",
          "--port",
          String(port),
          "--workers",
          String(count),
          ...(file === undefined ? [] : ["--config", file])
        ],
        {
          stdin: "ignore",
          stdout: "pipe",
          stderr: "pipe",
          env: {
            ...process.env,
            HOME: storage.dir,
            ...(file === undefined
              ? { MCP_CONFIG_JSON: JSON.stringify({ storage, ...config }) }
              : { MCP_CONFIG_JSON: undefined, MANIFOLD_STORAGE_DIR: storage.dir })
          }
        }
      )
      const lines: Array<Line & Record<string, unknown>> = []
      let changed = Promise.withResolvers<undefined>()
      let ended = false
      void (async () => {
        const decoder = new TextDecoder()
        let rest = ""
        for await (const chunk of child.stdout) {
          rest += decoder.decode(chunk, { stream: true })
          const whole = rest.split("\n")
          rest = whole.pop() ?? ""
          for (const line of whole) lines.push(JSON.parse(line))
          changed.resolve(undefined)
          changed = Promise.withResolvers()
        }
        ended = true
        changed.resolve(undefined)
      })()
      const stderr = child.stderr.text()
      /** The first line from index `from` for which this is true. */
      const until = async (is: (line: Line & Record<string, unknown>) => boolean, from = 0) => {
        for (;;) {
          const found = lines.slice(from).find(is)
          if (found !== undefined) return found
          if (ended) throw new Error(`the service ended: ${await stderr}`)
          await changed.promise
        }
      }
      const { url } = await until(({ message }) => message === "workers listening")
      return {
        child,
        lines,
        stderr,
        until,
        url: new URL("/mcp", String(url)),
        /** Process ids of the workers by number, the newest. */
        pids: () =>
          new Map(
            lines.flatMap(({ message, pid, worker }) =>
              message === "worker listening" && pid !== undefined && worker !== undefined
                ? [[worker, pid] as const]
                : []
            )
          )
      }
    }),
    ({ child }) =>
      Effect.promise(async () => {
        child.kill("SIGTERM")
        await child.exited
      })
  )
})

/** Whether a process runs. */
export const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A new connection for each request, so that each worker gets some. */
export const scattered: typeof fetch = Object.assign(
  (url: Parameters<typeof fetch>[0], init?: RequestInit) => fetch(url, { ...init, keepalive: false }),
  { preconnect: fetch.preconnect }
)
