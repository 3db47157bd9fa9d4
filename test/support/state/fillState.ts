/** Fills a state folder by the program itself: every table has rows, and every kind of file is there. */
import { Effect, Schedule } from "effect"
import { readdirSync, writeFileSync } from "node:fs"
import { X509Certificate } from "node:crypto"
import { Database } from "bun:sqlite"
import { make } from "../certificates.ts"
import { password } from "../oauth.ts"
import { pebble, type Pebble } from "../pebble.ts"
import { type Contents, historyOf, spentOf } from "./contents.ts"
import {
  account,
  callTool,
  configOf,
  modelServer,
  neverEnd,
  proxiedHost,
  serveState,
  stateEnvironment,
  type StateService,
  upstreamProgram
} from "./stateService.ts"
import {
  askModel,
  authorize,
  command,
  converse,
  createToken,
  kill,
  rowsIn,
  signIn,
  whileLocked
} from "./steps.ts"

/** Listeners of the edge with an ACME account; `publicHost` gets a certificate of it, or none while the CA waits. */
const edgeOf = ({ caFile, directory }: Pebble, publicHost: string) => ({
  domains: [publicHost],
  host: "127.0.0.1",
  https_port: 0,
  http_port: 0,
  certificates: { acme: { directory, ca_file: caFile, terms_agreed: true } }
})

const often = Schedule.spaced("50 millis")

/** Serial numbers of the newest certificate by its first name. */
const serials = (dir: string) => {
  const database = new Database(`${dir}/manifold.db`)
  const rows = database
    .query<{ readonly chain: string }, []>("SELECT chain FROM edge_certificates ORDER BY created_at")
    .all()
    .map(({ chain }) => new X509Certificate(chain))
  database.close()
  const nameOf = ({ subjectAltName = "" }: X509Certificate) => /DNS:([^,]+)/.exec(subjectAltName)?.[1] ?? ""
  return Object.fromEntries(rows.map((certificate) => [nameOf(certificate), certificate.serialNumber]))
}

/** Whether the CA has issued the certificate. */
const isIssued = (dir: string) => {
  const database = new Database(`${dir}/manifold.db`)
  const found = database.query("SELECT id FROM edge_certificates WHERE source = 'acme'").get()
  database.close()
  return found !== null
}

/** What a client sees of the conversation. */
const conversation = Effect.fnUntraced(function* (
  { json }: StateService,
  token: string,
  about: Pick<Contents["conversations"][number], "id" | "state" | "store">
) {
  const { body } = yield* json(token, `/chat/${about.id}?limit=1000`)
  return { ...about, ...(yield* historyOf(body)) }
})

/** Conversations in each of their states. */
const fillChat = Effect.fnUntraced(function* (service: StateService, token: string, store: "jsonl" | "sql") {
  const long = "word ".repeat(3000)
  const say = (id: string, text: string, status: string) =>
    converse(service, token, { text, conversation_id: `${store}-${id}` }, status)
  // Long enough for several segments.
  for (let turn = 0; turn < 12; turn++) yield* say("long", `${turn} ${long}`, "complete")
  yield* say("removed", "to be removed", "complete")
  yield* Effect.promise(() =>
    service.send(`/chat/${store}-removed`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${token}` }
    })
  )
  yield* say("waiting", callTool, "input_required")
  yield* say("running", neverEnd, "chunk")
  return yield* Effect.forEach(
    [
      ["long", "complete"],
      ["waiting", "waiting"],
      ["running", "running"]
    ] as const,
    ([id, state]) => conversation(service, token, { id: `${store}-${id}`, store, state })
  )
})

/** Needs `pebble` and `openssl`. `home`: an empty folder, in which the state folder is `state`. */
export const fillState = Effect.fnUntraced(function* (home: string) {
  const dir = `${home}/state`
  const model = (yield* modelServer).url
  const options = { dir, model }
  const plain = configOf({ ...options, store: "jsonl" })
  const serving = stateEnvironment(home)
  const env = { ...serving, MCP_CONFIG_JSON: JSON.stringify(plain) }

  const tokens = {
    admin: yield* createToken(env, "admin", "--scopes", "read,call,admin"),
    limited: yield* createToken(env, "limited", "--cost-total-max", "0.05"),
    revoked: yield* createToken(env, "revoked")
  }
  yield* command(env, ["token", "revoke", "revoked"])
  yield* command(env, ["user", "add", account, "--scopes", "read,call"], `${password}\n`)
  yield* command(env, ["proxy", "create", proxiedHost, "http://127.0.0.1:9"])
  yield* command(env, ["proxy", "update", proxiedHost, "http://127.0.0.1:10", "--set-header", "x-fixture:1"])
  yield* command(env, ["proxy", "create", "gone.example.com", "http://127.0.0.1:9"])
  yield* command(env, ["proxy", "delete", "gone.example.com"])
  const uploaded = yield* make({ names: ["uploaded.example.com"], days: 3650 })
  writeFileSync(`${home}/cert.pem`, uploaded.cert)
  writeFileSync(`${home}/key.pem`, uploaded.key)
  yield* command(env, ["certificate", "add", "--cert", `${home}/cert.pem`, "--key", `${home}/key.pem`])
  const credential = yield* signIn(env, plain)

  // Issues certificates, and is killed while turns run.
  const issuing = yield* pebble()
  const first = yield* serveState(
    { ...options, store: "jsonl", edge: edgeOf(issuing, "www.example.com") },
    serving
  )
  yield* issuing.forward(first.edge.http)
  const oauth = yield* authorize(first)
  const { body: connected } = yield* first.json(tokens.admin, "/mcp/connect", {
    transport: "stdio",
    command: [upstreamProgram],
    auth_type: "none"
  })
  yield* askModel(first, tokens.limited)
  yield* askModel(first, tokens.limited)
  const inJsonl = yield* fillChat(first, tokens.admin, "jsonl")
  yield* Effect.repeat(
    Effect.sync(() => isIssued(dir)),
    { until: (issued) => issued, schedule: often }
  )
  yield* kill(first)

  // Is killed while its turns hold money and its CA waits.
  const waiting = yield* pebble()
  const second = yield* serveState(
    { ...options, store: "sql", edge: edgeOf(waiting, "later.example.com") },
    serving
  )
  const inSql = yield* fillChat(second, tokens.admin, "sql")
  yield* rowsIn(dir, "edge_acme_challenges")
  yield* rowsIn(dir, "usage_holds")
  yield* kill(second)

  // Ends while the database is locked, so that rows of the audit log are kept in a file.
  const third = yield* serveState({ ...options, store: "jsonl" }, serving)
  yield* third.json(tokens.admin, "/auth/ticket", { path: "/stream" })
  const { body: spent } = yield* third.json(tokens.admin, "/usage?scope=all")
  yield* whileLocked(
    dir,
    Effect.gen(function* () {
      yield* askModel(third, tokens.admin)
      third.child.kill("SIGTERM")
      yield* Effect.promise(() => third.child.exited)
    })
  )
  if (!readdirSync(dir).some((name) => name.startsWith("audit-rows-")))
    throw new Error("no rows of the audit log")
  return {
    tokens,
    oauth,
    credential,
    conversations: [...inJsonl, ...inSql],
    connection: String(connected["client_id"]),
    certificates: serials(dir),
    spent: yield* spentOf(spent)
  }
})
