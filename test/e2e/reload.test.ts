/** Hot reload of a running program by signal: new settings apply, and the log reports the changes. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "../support/effect.ts"
import { initialize, request } from "../support/service.ts"

const main = new URL("../../src/main.ts", import.meta.url).pathname

/** Everything up to and including the first line that contains `text`. */
const until = async (reader: AsyncIterator<Uint8Array>, text: string) => {
  const decoder = new TextDecoder()
  let seen = ""
  while (!seen.slice(seen.indexOf(text)).includes("\n") || !seen.includes(text)) {
    const { done, value } = await reader.next()
    if (done) throw new Error(`ended without ${JSON.stringify(text)}: ${seen}`)
    seen += decoder.decode(value, { stream: true })
  }
  return seen
}

const running = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true }))
  )
  const configure = (text: string) => Effect.promise(() => writeFile(join(folder, "manifold.yaml"), text))
  yield* configure("logging: { level: warn }\n")
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      Bun.spawn([process.execPath, main, "serve", ...args, "--config", "manifold.yaml"], {
        cwd: folder,
        env: { ...process.env, LOG_LEVEL: "", MANIFOLD_STORAGE_DIR: join(folder, "state") },
        stdin: "pipe",
        stdout: "pipe",
        stderr: "pipe"
      })
    ),
    (process_) =>
      Effect.promise(() => {
        process_.kill()
        return process_.exited
      })
  )
  const output = { stdout: child.stdout.values(), stderr: child.stderr.values() }
  return {
    configure,
    hangUp: Effect.sync(() => child.kill("SIGHUP")),
    send: (message: unknown) =>
      Effect.promise(async () => {
        await child.stdin.write(`${JSON.stringify(message)}\n`)
        await child.stdin.flush()
      }),
    says: (stream: keyof typeof output, text: string) => Effect.promise(() => until(output[stream], text))
  }
})

const reloaded = "configuration reloaded"

it.live("a reload changes the log level of the HTTP service and keeps its port", () =>
  Effect.gen(function* () {
    const { configure, hangUp, says } = yield* running(["--http", "--port", "0"])
    yield* says("stderr", "Press Ctrl-C")
    yield* configure("logging: { level: info }\nserver: { port: 1 }\n")
    yield* hangUp
    // This line is only written at the new level.
    const line = yield* says("stdout", reloaded)
    expect(line).toMatch(/"applied":\["logging"\]/)
    expect(line).toMatch(/"needs_restart":\["server"\]/)
    yield* configure("logging: { level: lout }\n")
    yield* hangUp
    expect(yield* says("stdout", "not reloaded")).toContain("logging.level")
    yield* configure("auth: { tokens: [{ name: a, token: 'env:ABSENT_ONE' }] }\n")
    yield* hangUp
    expect(yield* says("stdout", "ABSENT_ONE")).toContain("not reloaded")
  })
)

it.live("a reload changes the log level of the stdio server and writes nothing to standard output", () =>
  Effect.gen(function* () {
    const { configure, hangUp, says, send } = yield* running([])
    yield* send(initialize())
    yield* says("stdout", "protocolVersion")
    yield* send(request(1, "tools/list"))
    yield* says("stdout", "math.add")
    yield* configure("logging: { level: info }\n")
    yield* hangUp
    expect(yield* says("stderr", reloaded)).toMatch(/"applied":\["logging"\]/)
    yield* send(request(2, "ping"))
    expect(yield* says("stdout", '"id":2')).not.toContain("configuration")
  })
)
