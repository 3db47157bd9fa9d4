/** Hot reload of a running program by signal: new settings apply, and the log reports the changes. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "../support/effect.ts"
import { chunk, done as sentinel, events, local, server, usage } from "../support/models.ts"
import { program } from "../support/program.ts"
import { initialize, request } from "../support/service.ts"

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

const running = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  initial = "logging: { level: warn }\n"
) {
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true }))
  )
  const configure = (text: string) =>
    Effect.promise(async () => {
      // In one step: the file is watched.
      await writeFile(join(folder, "next.yaml"), text)
      await rename(join(folder, "next.yaml"), join(folder, "manifold.yaml"))
    })
  yield* configure(initial)
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      Bun.spawn([...program, "serve", ...args, "--config", "manifold.yaml"], {
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

it.live("a reload reports settings of the edge that need a restart", () =>
  Effect.gen(function* () {
    const edge = (more: string) => `edge: { host: 127.0.0.1, https_port: 0${more} }\n`
    const { configure, hangUp, says } = yield* running(["--http", "--port", "0"], edge(""))
    yield* says("stderr", "Press Ctrl-C")
    yield* configure(edge(", hsts: 1 day, domains: [a.example.com]"))
    yield* hangUp
    const line = yield* says("stdout", "restart the service")
    expect(line).toContain("restart the service to apply edge.domains, edge.hsts")
  })
)

it.live("a reload reports domains of the edge that need a restart, also without edge.https_port", () =>
  Effect.gen(function* () {
    const { configure, hangUp, says } = yield* running(
      ["--http", "--port", "0"],
      "edge: { access_log: false }\n"
    )
    yield* says("stderr", "Press Ctrl-C")
    yield* configure("edge: { access_log: false, domains: [a.example.com], max_proxies: 5 }\n")
    yield* hangUp
    const line = yield* says("stdout", "restart the service")
    expect(line).toContain("restart the service to apply edge.domains, edge.max_proxies")
  })
)

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

it.live("a reload changes the model and the price of a running server, and a mistake changes nothing", () =>
  Effect.gen(function* () {
    const { requests, url } = yield* server(() =>
      events([chunk({ content: "Hi" }, { finish: "stop" }), usage(1000, 0), sentinel])
    )
    const { configure, hangUp, says, send } = yield* running([])
    const configureModel = (model: string, price: number, active = "local") =>
      configure(
        JSON.stringify({
          logging: { level: "info" },
          llm: { ...local(url, { model }), active },
          prices: { models: { "local/*": [{ input: price }] } }
        })
      )
    const ask = (id: number) =>
      Effect.gen(function* () {
        yield* send(request(id, "tools/call", { name: "ask-model", arguments: { query: "hi" } }))
        return yield* says("stdout", `"id":${id}`)
      })
    yield* send(initialize())
    yield* says("stdout", "protocolVersion")
    yield* send(request(0, "tools/list"))
    yield* says("stdout", "math.add")
    yield* configureModel("first", 1)
    yield* hangUp
    // A reload for the signal and one for the file; only the first has changes.
    expect(yield* says("stderr", '"llm"')).toMatch(/"needs_restart":\[\]/)
    expect(yield* ask(1)).toContain('"cost_usd":"0.001"')
    yield* configureModel("second", 1000)
    yield* hangUp
    yield* says("stderr", '"llm"')
    expect(yield* ask(2)).toContain('"cost_usd":"1"')
    yield* configureModel("third", 1, "absent")
    yield* hangUp
    expect(yield* says("stderr", "not reloaded")).toContain("llm.active")
    expect(yield* ask(3)).toContain('"cost_usd":"1"')
    const models = requests.map(({ body }) => (body as { readonly model: string }).model)
    expect(models).toEqual(["first", "second", "second"])
  })
)
