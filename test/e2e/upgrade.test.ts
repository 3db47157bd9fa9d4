/** State that earlier versions wrote: everything in it is there after an upgrade, and can be used. */
import { describe, expect, test } from "bun:test"
import { Effect, Layer } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { connect } from "node:tls"
import { Audit } from "../../layers/audit/Audit.ts"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { filesIn } from "../../layers/platform/stateFiles.ts"
import { formats, formatsFile, parseFormats } from "../../layers/storage/formats.ts"
import { Sql } from "../../layers/storage/Sql.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { Credentials } from "../../layers/upstream/oauth/Credentials.ts"
import * as mcpServers from "../../layers/upstream/section.ts"
import { program } from "../../src/domain/version.ts"
import { ListStore } from "../../src/upstreams/ListStore.ts"
import { sqlOf, stateFolder } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { form } from "../support/oauth.ts"
import { backend } from "../support/proxies.ts"
import {
  type Contents,
  countRows,
  fixtureVersions,
  historyOf,
  spentOf,
  unpack
} from "../support/state/contents.ts"
import {
  configOf,
  modelServer,
  proxiedHost,
  publicUrl,
  serveState,
  stateEnvironment,
  type StateService
} from "../support/state/stateService.ts"
import { askModel, authorize, command } from "../support/state/steps.ts"

/** Files of each format. */
const filesOf: Readonly<Record<keyof typeof formats, RegExp>> = {
  database: /^manifold\.db$/,
  conversations: /^events(?:-\d+)?\.jsonl$/,
  keys: /^keys\//,
  sealed_files: /^(?:credentials|connections)\/.*\.sealed$/,
  upstream_lists: /^upstreams\/.*\.json$/,
  audit_rows: /^audit-rows-.*\.json$/
}

/** Files that need no version: locks, and the file of versions itself. */
const withoutFormat = /^(?:formats\.json|events\.lock.*|events\.owners\/.*|\.in-use-.*)$/

/** Serial number of the certificate that is served for the name. */
const servedSerial = (port: number, servername: string) =>
  Effect.promise(
    () =>
      new Promise<string>((resolve, reject) => {
        // The root of the local CA is not trusted on this machine.
        const socket = connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().serialNumber)
          socket.end()
        })
        socket.on("error", reject)
      })
  )

/** Each conversation of the store has its events, and goes on. */
const checkConversations = Effect.fnUntraced(function* (
  { json }: StateService,
  { conversations, tokens }: Contents,
  store: "jsonl" | "sql"
) {
  for (const known of conversations.filter((each) => each.store === store)) {
    const { body } = yield* json(tokens.admin, `/chat/${known.id}?limit=1000`)
    const found = yield* historyOf(body)
    expect([known.id, ...found.texts]).toEqual([known.id, ...known.texts])
    // The turns of a killed process were ended.
    expect([known.id, found.last_seq]).toEqual([
      known.id,
      known.last_seq + (known.state === "complete" ? 0 : 1)
    ])
    const more = yield* json(tokens.admin, "/chat", { text: "Are you there?", conversation_id: known.id })
    expect(more).toMatchObject({ status: 200, body: { status: "complete", conversation_id: known.id } })
    expect(String(more.body["text"])).toContain("Are you there?")
  }
  const removed = yield* json(tokens.admin, `/chat/${store}-removed`)
  expect(removed.status).toBe(404)
})

const foundation = (config: object) =>
  Layer.fresh(
    Layer.merge(Credentials.layer, ListStore.layer).pipe(
      Layer.provideMerge(Audit.layer),
      Layer.provideMerge(Sql.layer),
      Layer.provideMerge(Storage.layer),
      Layer.provideMerge(ConfigSource.layerFrom(config)),
      Layer.provideMerge(Layer.mergeAll(Environment.layerTest({}), Ids.layer, Platform.layer))
    )
  )

/** Time between the end of the processes that wrote the state, and those that open it: their leases have ended. */
const pause = 600_000

/** A copy of the fixture, and the environment and options of processes that open it. */
const copyOf = Effect.fnUntraced(function* (version: string) {
  const home = yield* stateFolder
  const { contents, dir } = yield* unpack(version, home)
  const env = stateEnvironment(home, contents.written_at + pause - Date.now())
  const options = { dir, model: (yield* modelServer).url }
  const variables = { ...env, MCP_CONFIG_JSON: JSON.stringify(configOf({ ...options, store: "jsonl" })) }
  return { contents, dir, env, options, run: (...args: ReadonlyArray<string>) => command(variables, args) }
})

test("there is a fixture of the state of this version or an earlier one", () => {
  expect(fixtureVersions.length).toBeGreaterThan(0)
  expect(fixtureVersions.filter((version) => Bun.semver.order(version, program.version) > 0)).toEqual([])
})

for (const version of fixtureVersions) {
  describe(`State of version ${version}`, () => {
    it.live("has a file of each format, and rows in each table", () =>
      Effect.gen(function* () {
        const { contents, dir } = yield* copyOf(version)
        expect([...filesIn(dir)]).toEqual([...contents.files])
        const marker = parseFormats(readFileSync(`${dir}/${formatsFile}`, "utf8"))
        expect(marker?.written_by).toBe(version)
        for (const [format, files] of Object.entries(filesOf)) {
          if (marker?.formats[format] === undefined) continue
          expect([format, contents.files.some((path) => files.test(path))]).toEqual([format, true])
        }
        const known = [...Object.values(filesOf), withoutFormat]
        expect(contents.files.filter((path) => !known.some((files) => files.test(path)))).toEqual([])
        expect(countRows(`${dir}/manifold.db`)).toEqual(contents.tables)
        expect(Object.entries(contents.tables).filter(([, rows]) => rows === 0)).toEqual([])
        if (marker?.formats["database"] !== formats.database) return
        const fresh = { dir: yield* stateFolder }
        yield* Effect.provide(
          Effect.flatMap(Sql, (sql) => sql.read((client) => client`SELECT 1`)),
          sqlOf(fresh)
        )
        expect(Object.keys(contents.tables)).toEqual(Object.keys(countRows(`${fresh.dir}/manifold.db`)))
      })
    )

    it.live(
      "authenticates, resumes conversations, and serves connections, applications and certificates",
      () =>
        Effect.gen(function* () {
          const { contents, dir, env, options, run } = yield* copyOf(version)
          const { certificates, connection, oauth, tokens } = contents
          const edge = { domains: ["uploaded.example.com"], host: "127.0.0.1", https_port: 0 }
          const service = yield* serveState({ ...options, store: "jsonl", edge }, env)
          const { json, send } = service
          for (const [name, status] of [
            ["admin", 200],
            ["limited", 200],
            ["revoked", 401]
          ] as const) {
            expect([name, (yield* json(tokens[name], "/info")).status]).toEqual([name, status])
          }

          const { body: usage } = yield* json(tokens.admin, "/usage?scope=all")
          expect(Number(yield* spentOf(usage))).toBeGreaterThanOrEqual(Number(contents.spent))
          // It has spent what it may.
          expect(yield* askModel(service, tokens.limited)).toContain("budget")
          expect(yield* askModel(service, tokens.admin)).toContain("You said")

          yield* checkConversations(service, contents, "jsonl")

          const greeted = yield* json(tokens.admin, "/mcp/call_tool", {
            client_id: connection,
            tool_name: "greet",
            arguments: { name: "Ada" }
          })
          expect(greeted.body).toMatchObject({ status: "success", result: { greeting: "Hello Ada" } })

          const { requests, url } = yield* backend(() => new Response("published"))
          expect(yield* run("proxy", "list", "--json")).toContain("127.0.0.1:10")
          yield* run("proxy", "update", proxiedHost, url)
          const served = () => Effect.promise(async () => (await send(`http://${proxiedHost}/`)).text())
          yield* Effect.repeat(served(), { until: (text) => text === "published" })
          expect(requests.length).toBeGreaterThan(0)

          for (const [name, serial] of Object.entries(certificates)) {
            if (name !== "uploaded.example.com" && name !== "localhost") continue
            expect([name, yield* servedSerial(service.edge.https, name)]).toEqual([name, serial])
          }

          const refreshed = yield* form(
            `${publicUrl}/oauth/token`,
            { grant_type: "refresh_token", client_id: oauth.client_id, refresh_token: oauth.refresh_token },
            send
          )
          expect(refreshed.status).toBe(200)
          expect(yield* askModel(service, String(refreshed.body.access_token))).toContain("You said")
          expect((yield* authorize(service)).refresh_token).not.toBe(oauth.refresh_token)

          expect(yield* run("audit", "verify")).toContain("is intact")
          expect(readdirSync(dir).filter((name) => name.startsWith("audit-rows-"))).toEqual([])
          expect(countRows(`${dir}/manifold.db`)["audit_rows"]).toBeGreaterThan(
            contents.tables["audit_rows"] ?? 0
          )
        })
    )

    it.live("has conversations in the database, sign-ins at upstream servers, and their lists", () =>
      Effect.gen(function* () {
        const { contents, env, options } = yield* copyOf(version)
        yield* checkConversations(yield* serveState({ ...options, store: "sql" }, env), contents, "sql")
        const { refresh_token, server, url } = contents.credential
        yield* Effect.gen(function* () {
          const { current = "", issuers } = yield* (yield* Credentials).of({ server, url, principal: "" })
            .load
          expect(issuers[current]?.tokens?.refresh_token).toBe(refresh_token)
          const { greeter } = yield* (yield* ConfigSource).read(mcpServers.section)
          if (greeter === undefined) throw new Error("greeter is not configured")
          const known = yield* (yield* ListStore).load("greeter", greeter)
          expect(known?.lists.tools.map(({ name }) => name)).toEqual(["greet"])
          expect(Object.keys(known?.pins ?? {})).toEqual(["greet"])
        }).pipe(Effect.provide(foundation(configOf({ ...options, store: "sql" }))))
      })
    )
  })
}
