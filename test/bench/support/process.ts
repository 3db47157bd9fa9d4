/** Starts the measured servers, waits for their output, reads their memory, and stops them. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const startTimeout = 20_000
const stopTimeout = 5_000

/** A measured server: its command, and the path of its MCP endpoint. */
export interface Subject {
  readonly name: string
  readonly command: ReadonlyArray<string>
  readonly path?: string
  readonly env?: Readonly<Record<string, string>>
  /** Configuration, for manifold only. */
  readonly config?: Readonly<Record<string, unknown>>
}

/** Home, state and working folder of every server, so that no user's configuration is read. */
const home = mkdtempSync(join(tmpdir(), "manifold-bench-"))
const children = new Set<Bun.Subprocess>()

process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL")
  rmSync(home, { recursive: true, force: true })
})
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130))

/** The environment variables of every server. */
export const surroundings = ({ config, env }: Subject) => ({
  cwd: home,
  env: {
    PATH: process.env["PATH"],
    HOME: home,
    NODE_ENV: "production",
    ...env,
    MCP_CONFIG_JSON: JSON.stringify({ storage: { dir: join(home, "state") }, ...config })
  }
})

/** Registers the child, so that it is killed when the bench ends. */
export const own = <Child extends Bun.Subprocess>(child: Child): Child => {
  children.add(child)
  void child.exited.then(() => children.delete(child))
  return child
}

const unasked: Array<string> = []

/** Servers that exited unexpectedly since the last call. */
export const endedUnasked = (): ReadonlyArray<string> => unasked.splice(0)

/** Resident memory in bytes, from Linux's `/proc`; `undefined` on other systems. */
export const rss = (pid: number): number | undefined => {
  try {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))
    return line?.[1] === undefined ? undefined : Number(line[1]) * 1024
  } catch {
    return undefined
  }
}

/** The same for a process and its children, such as workers. */
export const rssOfAll = (pid: number): number | undefined => {
  try {
    const started = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")
    return [pid, ...started.map(Number)].reduce((sum, each) => sum + (rss(each) ?? 0), 0)
  } catch {
    return undefined
  }
}

export interface Running extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  /** The first match in the process's stderr after `signal`. */
  readonly ask: (signal: NodeJS.Signals, pattern: RegExp) => Promise<RegExpExecArray>
}

/** Starts an HTTP server and waits until it prints its URL. */
export const start = async (subject: Subject): Promise<Running> => {
  const child = own(
    Bun.spawn([...subject.command], {
      ...surroundings(subject),
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe"
    })
  )
  let stopping = false
  let said = ""
  let heard = () => {}
  const drain = async () => {
    const decoder = new TextDecoder()
    for await (const chunk of child.stderr) {
      said = (said + decoder.decode(chunk, { stream: true })).slice(-10_000)
      heard()
    }
  }
  void drain()

  /** The line with the error, or the last line. */
  const gist = () => {
    const lines = said.trim().split("\n")
    return (lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? "").trim()
  }
  const notice = async () => {
    const code = await child.exited
    if (!stopping) unasked.push(`${subject.name} ended by ${child.signalCode ?? `code ${code}`}: ${gist()}`)
  }
  void notice()

  const stop = async () => {
    stopping = true
    child.kill()
    const killing = setTimeout(() => child.kill("SIGKILL"), stopTimeout)
    await child.exited
    clearTimeout(killing)
  }

  const waitFor = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const fail = (why: string) => {
        clearTimeout(timer)
        reject(new Error(`${why}: ${gist()}`))
      }
      const timer = setTimeout(() => fail(`said nothing in ${startTimeout / 1000} s`), startTimeout)
      void child.exited.then((code) => fail(`ended with code ${code}`))
      heard = () => {
        const match = pattern.exec(said)
        if (match === null) return
        clearTimeout(timer)
        resolve(match)
      }
      heard()
    })

  try {
    const [, origin] = await waitFor(/ at (http:\/\/127\.0\.0\.1:\d+)/)
    return {
      url: `${origin}${subject.path ?? "/mcp"}`,
      pid: child.pid,
      ask: (signal, pattern) => {
        said = ""
        child.kill(signal)
        return waitFor(pattern)
      },
      [Symbol.asyncDispose]: stop
    }
  } catch (error) {
    await stop()
    throw error
  }
}
