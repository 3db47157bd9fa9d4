/** Lists of upstream servers: they are read again once they are out of date, and limit the cache hints for clients. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Exit } from "effect"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { stdioUser } from "../../src/domain/Principal.ts"
import { it } from "../support/effect.ts"
import { plainServer, withLater } from "../support/plainServer.ts"
import { connect, get, json } from "../support/rest.ts"
import { endpoint, openSession, post, readJson, request, service, stateless } from "../support/service.ts"

const names = Effect.flatMap(Catalog, (catalog) =>
  Effect.map(catalog.tools(stdioUser), ({ items }) =>
    items.map(({ name }) => name).filter((name) => name.startsWith("plain__"))
  )
)

/** Lists the tools until the client is notified of a change; a connection that is new is not asked again yet. */
const untilChanged = Effect.scoped(
  Effect.gen(function* () {
    const catalog = yield* Catalog
    const changed = yield* Deferred.make<void>()
    yield* catalog.watch(() => void Deferred.doneUnsafe(changed, Exit.void))
    yield* Effect.raceFirst(Deferred.await(changed), Effect.forever(names))
  })
)

describe("a server that announces no changes", () => {
  it.live("is asked again by a list after 5 minutes, and clients are notified of the change", () =>
    withLater((later) =>
      Effect.gen(function* () {
        const { reads, tools, url } = yield* plainServer()
        yield* Effect.gen(function* () {
          expect(yield* names).toEqual(["plain__one"])
          tools.push("two")
          later("4 minutes")
          expect(yield* names).toEqual(["plain__one"])
          expect(reads()).toBe(1)
          later("2 minutes")
          yield* untilChanged
          expect(yield* names).toEqual(["plain__one", "plain__two"])
          expect(reads()).toBe(2)
        }).pipe(Effect.provide(service({ mcpServers: { plain: { url } } }), { local: true }))
      })
    )
  )

  it.live("is asked again when the time that it sets is over", () =>
    withLater((later) =>
      Effect.gen(function* () {
        const { tools, url } = yield* plainServer({ ttlMs: 2000, cacheScope: "private" })
        yield* Effect.gen(function* () {
          expect(yield* names).toEqual(["plain__one"])
          tools.push("two")
          later("3 seconds")
          yield* untilChanged
          expect(yield* names).toEqual(["plain__one", "plain__two"])
        }).pipe(Effect.provide(service({ mcpServers: { plain: { url } } }), { local: true }))
      })
    )
  )

  it.live("is asked before a list over REST is returned", () =>
    withLater((later) =>
      Effect.gen(function* () {
        const { tools, url } = yield* plainServer()
        yield* Effect.gen(function* () {
          const id = yield* connect({ transport: "http", mcp_url: url, auth_type: "none" })
          tools.push("two")
          later("6 minutes")
          const { body } = yield* json(get(`/mcp/list_tools?client_id=${id}`))
          expect(body).toMatchObject({ count: 2, tools: [{ name: "one" }, { name: "two" }] })
        }).pipe(Effect.provide(service(), { local: true }))
      })
    )
  )
})

/** A member of `_meta` with which the SDK's server handles a request, instead of the direct dispatch. */
const bySdk = { "io.modelcontextprotocol/other": true }

/** The result that a client of 2026-07-28 gets. */
const resultOf = (method: string, params: Record<string, unknown> = {}) =>
  Effect.gen(function* () {
    const { body, headers } = stateless(1, method, params)
    const named = { ...headers, ...(typeof params.uri === "string" && { "mcp-name": params.uri }) }
    const { result } = yield* readJson(yield* post(yield* endpoint, body, named))
    return result as { readonly ttlMs: number; readonly cacheScope: string }
  })

describe("cache hints for clients of 2026-07-28", () => {
  for (const [path, params] of [
    ["directly", {}],
    ["by the SDK's server", { _meta: bySdk }]
  ] as const) {
    it.live(`have the time that is left of the server's, in lists that are sent ${path}`, () =>
      withLater((later) =>
        Effect.gen(function* () {
          const { url } = yield* plainServer({ ttlMs: 40_000, cacheScope: "public" })
          yield* Effect.gen(function* () {
            const first = yield* resultOf("tools/list", params)
            expect(first.cacheScope).toBe("private")
            expect(first.ttlMs).toBeLessThanOrEqual(40_000)
            expect(first.ttlMs).toBeGreaterThan(10_000)
            later("30 seconds")
            const second = yield* resultOf("tools/list", params)
            expect(second.ttlMs).toBeLessThanOrEqual(first.ttlMs - 30_000)
            later("30 seconds")
            expect(yield* resultOf("tools/list", params)).toMatchObject({ ttlMs: 0, cacheScope: "private" })
            // It says nothing of its resources, and has no prompts.
            for (const method of ["resources/list", "resources/templates/list", "prompts/list"]) {
              expect(yield* resultOf(method, params)).toMatchObject({ ttlMs: 60_000, cacheScope: "private" })
            }
          }).pipe(Effect.provide(service({ mcpServers: { plain: { url } } }), { local: true }))
        })
      )
    )

    it.live(`have the time of the server's contents, at most a minute, when they are sent ${path}`, () =>
      Effect.gen(function* () {
        const short = yield* plainServer({}, { ttlMs: 5000, cacheScope: "public" })
        const long = yield* plainServer({}, { ttlMs: 3_600_000, cacheScope: "public" })
        const silent = yield* plainServer()
        for (const [{ url }, ttlMs] of [
          [short, 5000],
          [long, 60_000],
          [silent, 0]
        ] as const) {
          const read = resultOf("resources/read", { ...params, uri: "plain://one" })
          const result = yield* Effect.provide(read, service({ mcpServers: { plain: { url } } }), {
            local: true
          })
          expect(result).toMatchObject({ ttlMs, cacheScope: "private" })
        }
      })
    )
  }

  it.live("are not lowered by a server that gives none", () =>
    Effect.gen(function* () {
      const { url } = yield* plainServer()
      const result = yield* Effect.provide(
        resultOf("tools/list"),
        service({ mcpServers: { plain: { url } } }),
        { local: true }
      )
      expect(result).toMatchObject({ ttlMs: 60_000, cacheScope: "private" })
    })
  )

  it.live("are absent in a session", () =>
    Effect.gen(function* () {
      const { url } = yield* plainServer({ ttlMs: 40_000, cacheScope: "public" })
      yield* Effect.gen(function* () {
        const headers = yield* openSession(yield* endpoint)
        const listed = yield* readJson(yield* post(yield* endpoint, request(1, "tools/list"), headers))
        expect(listed.result).not.toHaveProperty("ttlMs")
        expect(listed.result).not.toHaveProperty("cacheScope")
      }).pipe(Effect.provide(service({ mcpServers: { plain: { url } } }), { local: true }))
    })
  )
})
