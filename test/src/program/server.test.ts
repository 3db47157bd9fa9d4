/** A custom server as layers: its name, its entries, and its configuration only. */
import { describe, expect } from "bun:test"
import { Effect, Layer } from "effect"
import { SUPPORTED_PROTOCOL_VERSIONS } from "@modelcontextprotocol/server"
import { Listener } from "../../../layers/http/Listener.ts"
import {
  builtIns,
  Catalog,
  CredentialVerifiers,
  type Grant,
  httpService,
  Principal,
  server,
  stdioUser,
  Storage
} from "../../../src/index.ts"
import { identity, layer as greeter, tools } from "../../support/greeter.ts"
import { it } from "../../support/effect.ts"
import {
  endpoint,
  initialize,
  openSession,
  post,
  readJson,
  request,
  stateless,
  stateFolder
} from "../../support/service.ts"

/** A server over HTTP with a temporary state folder. */
const served = (
  config: Record<string, unknown> = {},
  ...more: ReadonlyArray<Layer.Layer<never, unknown, Catalog | CredentialVerifiers>>
) =>
  Layer.unwrap(
    Effect.map(stateFolder, (dir) =>
      httpService({ port: 0 }).pipe(
        Layer.provideMerge(
          Layer.mergeAll(...greeter, ...more).pipe(
            Layer.provideMerge(
              server({ ...identity, config: { storage: { dir }, logging: { level: "none" }, ...config } })
            )
          )
        )
      )
    )
  )

const { icons, instructions, ...plain } = identity
const serverInfo = { ...plain, icons }

const names = (list: unknown, kind: string) =>
  ((list as { result: Record<string, ReadonlyArray<{ name: string }>> }).result[kind] ?? []).map(
    ({ name }) => name
  )

describe("name, version and instructions of a custom server", () => {
  for (const version of SUPPORTED_PROTOCOL_VERSIONS) {
    it.live(`are in the result of initialize, revision ${version}`, () =>
      Effect.gen(function* () {
        const body = yield* readJson(yield* post(yield* endpoint, initialize(version)))
        expect(body).toMatchObject({ result: { serverInfo, instructions, protocolVersion: version } })
      }).pipe(Effect.provide(served()))
    )
  }

  it.live("are in the result of server/discover, revision 2026-07-28", () =>
    Effect.gen(function* () {
      const { body, headers } = stateless(1, "server/discover")
      const { result } = (yield* readJson(yield* post(yield* endpoint, body, headers))) as {
        result: Record<string, unknown>
      }
      expect(result).toMatchObject({ instructions })
      expect(JSON.stringify(result)).toContain('"name":"greeter"')
      expect(JSON.stringify(result)).not.toContain("manifold")
    }).pipe(Effect.provide(served()))
  )

  it.live("are in /info and /health", () =>
    Effect.gen(function* () {
      const { url } = yield* Listener
      const get = (path: string) => Effect.promise(() => fetch(new URL(path, url)).then((got) => got.json()))
      expect(yield* get("/info")).toMatchObject({ name: "greeter", version: "2.1.0", counts: { tools: 1 } })
      expect(yield* get("/health")).toMatchObject({ status: "healthy", version: "2.1.0" })
    }).pipe(Effect.provide(served()))
  )

  it.live("name the owner in a name clash", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(Layer.provideMerge(Layer.fresh(tools), served())))
      expect(error).toMatchObject({ _tag: "NameTaken", name: "greet", holder: "greeter" })
    })
  )
})

describe("the entries of a custom server", () => {
  const lists = Effect.gen(function* () {
    const url = yield* endpoint
    const session = yield* openSession(url)
    const list = (method: string, kind: string) =>
      Effect.map(Effect.flatMap(post(url, request(1, method), session), readJson), (body) =>
        names(body, kind)
      )
    return {
      tools: yield* list("tools/list", "tools"),
      prompts: yield* list("prompts/list", "prompts"),
      resources: yield* list("resources/list", "resources"),
      templates: yield* list("resources/templates/list", "resourceTemplates")
    }
  })

  it.live("are only those that were added", () =>
    Effect.gen(function* () {
      expect(yield* lists).toEqual({
        tools: ["greet"],
        prompts: ["haiku"],
        resources: ["motto"],
        templates: []
      })
    }).pipe(Effect.provide(served()))
  )

  it.live("include the built-in ones if their layer is added", () =>
    Effect.gen(function* () {
      const found = yield* lists
      expect(found.tools).toContain("greet")
      expect(found.tools).toContain("math.add")
      expect(found.prompts).toContain("summarize")
      expect(found.resources).toContain("ping")
    }).pipe(
      Effect.provide(
        Layer.unwrap(
          Effect.map(stateFolder, (dir) => {
            const own = server({ ...identity, config: { storage: { dir }, logging: { level: "none" } } })
            return httpService({ port: 0 }).pipe(
              Layer.provideMerge(Layer.mergeAll(...greeter, builtIns).pipe(Layer.provideMerge(own)))
            )
          })
        )
      )
    )
  )

  it.live("are checked for required prompt arguments, which null and an empty object do not give", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const session = yield* openSession(url)
      const get = (args: Record<string, unknown>) =>
        Effect.flatMap(post(url, request(1, "prompts/get", { name: "haiku", ...args }), session), readJson)
      for (const args of [
        {},
        { arguments: {} },
        { arguments: { mood: "sad" } },
        { arguments: { Topic: "x" } }
      ]) {
        const { error } = (yield* get(args)) as { error: { code: number; message: string } }
        expect(error.code).toBe(-32602)
        expect(error.message).toContain("topic: required, but missing")
      }
      expect(yield* get({ arguments: { topic: null } })).toMatchObject({ error: { code: -32602 } })
      expect(yield* get({ arguments: { topic: "" } })).toMatchObject({
        result: { messages: [{ role: "user", content: { text: "Write a calm haiku about ." } }] }
      })
    }).pipe(Effect.provide(served()))
  )

  it.live("have no template metrics or health part without the built-in prompts", () =>
    Effect.gen(function* () {
      const { url } = yield* Listener
      const text = yield* Effect.promise(() => fetch(new URL("/metrics", url)).then((got) => got.text()))
      expect(text).toContain("manifold_sessions")
      expect(text).not.toContain("manifold_template")
    }).pipe(Effect.provide(served()))
  )
})

describe("the settings of a custom server", () => {
  const own = (config: Record<string, unknown>) => Layer.build(server({ ...identity, config }))

  it.live("are validated, and every problem is reported", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(own({ server: { port: "x" }, logging: { level: "loud" }, sever: {} }))
      expect(error).toMatchObject({ _tag: "ConfigInvalid" })
      for (const key of ["server.port", "logging.level", "sever"]) expect(error.message).toContain(key)
    })
  )

  it.live("come from a file only if it is named, and then it must exist", () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      const missing = `${dir}/greeter.yaml`
      const error = yield* Effect.flip(Layer.build(server({ ...identity, configFile: missing })))
      expect(error).toMatchObject({ _tag: "ConfigInvalid" })
      expect(error.message).toContain(missing)
      yield* Effect.promise(() =>
        Bun.write(missing, `storage: { dir: ${dir}/here }\nlogging: { level: none }\n`)
      )
      const storage = yield* Effect.provide(Storage, server({ ...identity, configFile: missing }))
      expect(storage.dir).toBe(`${dir}/here`)
    })
  )

  it.live("have defaults", () =>
    Effect.gen(function* () {
      const storage = yield* Effect.provide(Storage, server(identity))
      expect(storage.dir).toEndWith("/greeter")
      expect(yield* Effect.promise(() => Bun.file(`${storage.dir}/keys`).exists())).toBe(false)
    })
  )
})

it.live("closing the scope of a server removes its entries and frees its port", () =>
  Effect.gen(function* () {
    const { catalog, url } = yield* Effect.scoped(
      Effect.gen(function* () {
        const services = yield* Layer.build(served())
        return yield* Effect.provideContext(
          Effect.all({ catalog: Catalog, url: Effect.map(Listener, (listener) => listener.url) }),
          services
        )
      })
    )
    expect((yield* catalog.tools(stdioUser)).items).toEqual([])
    const reached = yield* Effect.promise(() =>
      fetch(new URL("/health", url)).then(
        () => true,
        () => false
      )
    )
    expect(reached).toBe(false)
  })
)

/** Accepts the token `idp.alice`, as that of the user alice. */
const verifier = Layer.effectDiscard(
  Effect.flatMap(CredentialVerifiers, ({ add }) => {
    const scopes = ["read", "call"]
    const alice: Grant = {
      principal: new Principal({
        subject: "alice",
        clientId: "idp",
        scopes,
        ceiling: scopes,
        source: "oauth"
      }),
      credential: "idp:alice",
      expiresAt: Infinity
    }
    return add({
      name: "idp",
      recognizes: (token) => token.startsWith("idp."),
      verify: (token) => Effect.succeed(token === "idp.alice" ? alice : undefined),
      current: (credentials) => Effect.succeed(credentials.map(() => alice)),
      usable: Effect.succeed(true)
    })
  })
)

it.live("a custom server accepts the tokens of a verifier that it adds", () =>
  Effect.gen(function* () {
    const call = (token: string) => {
      const { body, headers } = stateless(1, "tools/list")
      return Effect.flatMap(endpoint, (url) =>
        Effect.map(post(url, body, { ...headers, authorization: `Bearer ${token}` }), ({ status }) => status)
      )
    }
    expect(yield* call("idp.alice")).toBe(200)
    expect(yield* call("idp.bob")).toBe(401)
  }).pipe(Effect.provide(served({ auth: { anonymous_loopback: false } }, verifier)))
)
