/** The client that the suite tests: an upstream connection whose entries are all used. The server's URL is the last argument. */
import { Duration, Effect, FileSystem, Layer, Redacted, Schema } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import * as outboundSection from "../../layers/outbound/section.ts"
import { Dns } from "../../layers/platform/Dns.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { namedUrls, oauthFetch } from "../../layers/upstream/oauth/oauthFetch.ts"
import { SignIns } from "../../layers/upstream/oauth/SignIns.ts"
import type { ServerSettings } from "../../layers/upstream/section.ts"
import type { UpstreamError } from "../../layers/upstream/UpstreamError.ts"
import { Caller } from "../../src/catalog/Caller.ts"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { Client } from "../../src/catalog/Client.ts"
import { layerMemory } from "../../src/catalog/testing.ts"
import { stdioUser } from "../../src/domain/Principal.ts"
import { accounts } from "../../src/program/accounts.ts"
import { serveUpstream } from "../../src/upstreams/serveUpstream.ts"
import { stdioServices } from "../support/stdioServices.ts"
import { fill, redirectUrl, suiteUser, visit } from "./suiteUser.ts"

const text = Schema.optionalKey(Schema.String)

/** What the suite says about the scenario. */
const Context = Schema.fromJsonString(
  Schema.Struct({
    client_id: text,
    client_secret: text,
    issuer: text,
    private_key_pem: text,
    signing_algorithm: Schema.optionalKey(Schema.Literals(["ES256", "RS256"])),
    toolCalls: Schema.optionalKey(
      Schema.Array(
        Schema.Struct({ name: Schema.String, arguments: Schema.Record(Schema.String, Schema.Unknown) })
      )
    )
  })
)

/** The suite runs all scenarios at the same time. */
const patience = Duration.minutes(2)

const url = process.argv.at(-1) ?? ""
const scenario = process.env["MCP_CONFORMANCE_SCENARIO"] ?? ""
/** The suite has no document there, and expects it in one scenario. */
const clientMetadataUrl =
  scenario === "auth/basic-cimd" ? "https://conformance-test.local/client-metadata.json" : undefined

const oauthOf = ({
  client_id,
  client_secret,
  issuer,
  private_key_pem,
  signing_algorithm
}: typeof Context.Type): ServerSettings["oauth"] =>
  client_id === undefined
    ? undefined
    : {
        grant: scenario.includes("client-credentials") ? "client_credentials" : "authorization_code",
        client_id,
        ...(client_secret !== undefined && { client_secret: Redacted.make(client_secret) }),
        ...(private_key_pem !== undefined && { private_key: Redacted.make(private_key_pem) }),
        ...(signing_algorithm === "ES256" && { signing_algorithm }),
        ...(issuer !== undefined && { issuer })
      }

const program = Effect.gen(function* () {
  const context = yield* Schema.decodeEffect(Context)(process.env["MCP_CONFORMANCE_CONTEXT"] ?? "{}")
  const catalog = yield* Catalog
  const dns = yield* Dns
  const outbound = yield* (yield* ConfigSource).read(outboundSection.section)
  yield* (yield* SignIns).serveAt({ redirectUrl, clientMetadataUrl })
  const oauth = oauthOf(context)
  const settings: ServerSettings = {
    enabled: true,
    url,
    prefix: "",
    credentials: "shared",
    time_limit: patience,
    ...(oauth !== undefined && { oauth })
  }
  const served = yield* serveUpstream({
    name: "suite",
    settings,
    maxMessageBytes: 4_000_000,
    connectionTimeout: patience,
    initialReconnectDelay: Duration.millis(100),
    maxReconnectAttempts: 1,
    pingAfter: patience,
    signIn: {
      principal: "",
      server: "suite",
      fetch: oauthFetch({ dns, settings: outbound }, namedUrls(settings)),
      timeout: patience
    }
  })
  const { account } = served
  const signIn = Effect.fnUntraced(function* (error: UpstreamError) {
    if (account === undefined) return yield* error
    const begun = yield* account.signIn(error.signIn?.scope)
    yield* visit(begun.url)
    yield* begun.done
  })
  // A server may require another sign-in after the first.
  yield* served.connection.pipe(
    Effect.tapError((error) => (error.signIn === undefined ? Effect.void : signIn(error))),
    Effect.retry({ times: 2, while: (error) => error.signIn !== undefined })
  )
  const { items: tools } = yield* catalog.tools(stdioUser)
  const schemas = tools.map(({ input }) => input)
  const calls = context.toolCalls ?? tools.map(({ input, name }) => ({ name, arguments: fill(input) }))
  for (const { arguments: args, name } of calls) {
    const given = name === "json_schema_echo" ? { schema: schemas[0] } : args
    yield* Effect.ignore(catalog.call(stdioUser, name, given))
  }
  for (const { arguments: declared, name } of (yield* catalog.prompts(stdioUser)).items) {
    const args = Object.fromEntries(declared.map((argument) => [argument.name, "text"]))
    yield* Effect.ignore(catalog.get(stdioUser, name, args))
  }
  for (const { uri } of (yield* catalog.resources(stdioUser)).items) {
    yield* Effect.ignore(catalog.read(stdioUser, uri))
  }
}).pipe(
  Effect.provideServiceEffect(Client, suiteUser),
  Effect.provideService(Caller, Caller.of({ principal: stdioUser, requestId: "suite" })),
  Effect.scoped
)

const state = Layer.unwrap(
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const dir = yield* files.makeTempDirectoryScoped({ prefix: "conformance-" })
    return ConfigSource.layerFrom({ storage: { dir } })
  })
)

program.pipe(
  Effect.provide(
    Layer.merge(layerMemory, accounts).pipe(
      Layer.provideMerge(state),
      Layer.provideMerge(Layer.mergeAll(stdioServices, Ids.layer)),
      Layer.provideMerge(Platform.layer)
    )
  ),
  Platform.runMain
)
