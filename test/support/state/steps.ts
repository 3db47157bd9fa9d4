/** Steps by which a state folder is filled: commands, turns, sign-ins, and processes that are killed. */
import { Effect, Schedule, Stream } from "effect"
import { Database } from "bun:sqlite"
import { Browser, callback, form, manualClient } from "../oauth.ts"
import { browse, protectedServer } from "../protectedServer.ts"
import { program } from "../program.ts"
import { stateless } from "../service.ts"
import { manifold } from "../stdio.ts"
import { countRows } from "./contents.ts"
import { account, publicUrl, type StateService } from "./stateService.ts"

type Environment = Readonly<Record<string, string>>

/** Runs a command on the state; it must succeed. */
export const command = Effect.fnUntraced(function* (
  env: Environment,
  args: ReadonlyArray<string>,
  stdin = ""
) {
  const { code, stderr, stdout } = yield* manifold(args, { env, stdin, cwd: env["HOME"] ?? "/" })
  if (code !== 0) throw new Error(`manifold ${args.join(" ")}: ${stderr}`)
  return stdout
})

export const kill = ({ child }: StateService) =>
  Effect.promise(() => {
    child.kill("SIGKILL")
    return child.exited
  })

/** Starts a turn, and returns when a frame has this status; the turn goes on. */
export const converse = Effect.fnUntraced(function* (
  service: StateService,
  token: string,
  message: { readonly text: string; readonly conversation_id: string },
  status: string
) {
  yield* Effect.promise(async () => {
    const response = await service.send("/chat", {
      method: "POST",
      body: JSON.stringify({ v: 1, ...message }),
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        accept: "text/event-stream"
      }
    })
    let text = ""
    const reader = (response.body ?? new ReadableStream<Uint8Array>()).getReader()
    while (!text.includes(`"status":"${status}"`)) {
      const { done, value } = await reader.read()
      if (done) throw new Error(`no ${status}: ${response.status} ${text.slice(-500)}`)
      text += new TextDecoder().decode(value)
    }
    await reader.cancel()
  })
  return message.conversation_id
})

/** Waits until a table has rows. */
export const rowsIn = (dir: string, table: string) =>
  Effect.repeat(
    Effect.sync(() => countRows(`${dir}/manifold.db`)[table] ?? 0),
    { until: (rows) => rows > 0, schedule: Schedule.spaced("20 millis") }
  )

/** The text of a new token. */
export const createToken = (env: Environment, name: string, ...flags: ReadonlyArray<string>) =>
  Effect.map(command(env, ["token", "create", name, ...flags, "--json"]), (text) =>
    String((JSON.parse(text) as { readonly token: unknown }).token)
  )

/** A client that alice has authorized. */
export const authorize = Effect.fnUntraced(function* ({ send }: StateService) {
  const { authorizeUrl, clientId, verifier } = yield* manualClient(publicUrl, {}, {}, send)
  const back = yield* Effect.promise(() => new Browser(account, callback, send).authorize(authorizeUrl))
  const { body } = yield* form(
    `${publicUrl}/oauth/token`,
    {
      grant_type: "authorization_code",
      code: back.searchParams.get("code") ?? "",
      code_verifier: verifier,
      client_id: clientId,
      redirect_uri: callback
    },
    send
  )
  return { client_id: clientId, refresh_token: String(body.refresh_token) }
})

/** Signs in at an upstream server that stops afterwards. */
export const signIn = Effect.fnUntraced(function* (env: Environment, config: object) {
  const { issued, url } = yield* protectedServer()
  const login = yield* Effect.acquireRelease(
    Effect.sync(() =>
      Bun.spawn([...program, "upstream", "login", "own", "--json"], {
        env: {
          ...process.env,
          ...env,
          MCP_CONFIG_JSON: JSON.stringify({ ...config, mcpServers: { own: { url } } })
        },
        stdin: "ignore",
        stderr: "inherit"
      })
    ),
    (child) => Effect.sync(() => child.kill())
  )
  yield* Stream.fromReadableStream({ evaluate: () => login.stdout, onError: (cause) => cause }).pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>),
    Stream.runForEach((line) =>
      typeof line["url"] === "string"
        ? Effect.promise(async () => {
            const start = String(line["url"])
            await fetch(await browse(start, account, new URL(start).searchParams.get("redirect_uri") ?? ""))
          })
        : Effect.void
    )
  )
  if ((yield* Effect.promise(() => login.exited)) !== 0) throw new Error("not signed in")
  return { server: "own", url, refresh_token: [...issued()].at(-1) ?? "" }
}, Effect.scoped)

/** Calls the tool `ask-model`, which costs 0.02 USD. The result: its text, or the error. */
export const askModel = Effect.fnUntraced(function* ({ json }: StateService, token: string) {
  const { body, headers } = stateless(1, "tools/call", { name: "ask-model", arguments: { query: "Hi" } })
  return JSON.stringify(
    (yield* json(token, "/mcp", body, { accept: "application/json, text/event-stream", ...headers })).body
  )
})

/** Runs the effect while this process locks the database. */
export const whileLocked = <A, E, R>(dir: string, effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const database = new Database(`${dir}/manifold.db`)
      database.run("PRAGMA busy_timeout = 10000")
      database.run("BEGIN EXCLUSIVE")
      return database
    }),
    () => effect,
    (database) => Effect.sync(() => database.close())
  )
