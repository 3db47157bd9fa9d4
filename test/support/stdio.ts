/** The real program as a child process on stdio, spoken to line by line. */
import { Effect } from "effect"
import { program, source } from "./program.ts"

const root = new URL("../../", import.meta.url).pathname

/** Environment without the configuration of the user who runs the tests. */
const noUser = { XDG_CONFIG_HOME: `${root}test/none` }

const [first, ...rest] = program

/** Command and arguments as in an AI client's configuration. */
export const command = { command: first, args: [...rest, "serve"] }

export const manifold = (
  args: ReadonlyArray<string>,
  options: {
    env?: Record<string, string>
    stdin?: string
    cwd?: string
    /** A command that runs the program as its last arguments. */
    within?: ReadonlyArray<string>
    /** Runs the source, also where a compiled program is tested. */
    fromSource?: boolean
  } = {}
) =>
  Effect.promise(async () => {
    const started = options.fromSource === true ? source : program
    const child = Bun.spawn([...(options.within ?? []), ...started, ...args], {
      stdin: new TextEncoder().encode(options.stdin ?? ""),
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, ...noUser, ...options.env },
      ...(options.cwd !== undefined && { cwd: options.cwd })
    })
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited
    ])
    return { stdout, stderr, code }
  })

/** Starts the stdio server; `next` returns the next line of its output, parsed. */
export const startStdio = (env: Record<string, string> = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = Bun.spawn([command.command, ...command.args], {
        stdin: "pipe",
        stdout: "pipe",
        stderr: "pipe",
        env: { ...process.env, ...noUser, ...env }
      })
      const lines = (async function* () {
        const decoder = new TextDecoder()
        let buffer = ""
        for await (const chunk of child.stdout) {
          buffer += decoder.decode(chunk, { stream: true })
          for (let end = buffer.indexOf("\n"); end >= 0; end = buffer.indexOf("\n")) {
            yield buffer.slice(0, end)
            buffer = buffer.slice(end + 1)
          }
        }
      })()
      return {
        child,
        send: (line: unknown) =>
          Effect.sync(() => {
            child.stdin.write(`${typeof line === "string" ? line : JSON.stringify(line)}\n`)
            child.stdin.flush()
          }),
        next: Effect.promise(async () => {
          const { done, value } = await lines.next()
          return done ? undefined : (JSON.parse(value) as Record<string, never>)
        }),
        end: Effect.promise(async () => {
          child.stdin.end()
          return child.exited
        })
      }
    }),
    ({ child }) =>
      Effect.promise(() => {
        child.kill()
        return child.exited
      })
  )
