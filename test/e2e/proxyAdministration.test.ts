/** Publishing over MCP and REST: bodies, statuses, errors, and who may do it. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { it } from "../support/effect.ts"
import { backend } from "../support/proxies.ts"
import { at, bearer, get, json, send } from "../support/rest.ts"
import { endpoint, post, readJson, service, stateless } from "../support/service.ts"

const admin = bearer("a".repeat(40))
const viewer = bearer("b".repeat(40))
const auth = {
  tokens: [
    { name: "admin", token: "a".repeat(40), scopes: ["read", "call", "admin"] },
    { name: "viewer", token: "b".repeat(40) }
  ]
}

const tool = Effect.fnUntraced(function* (name: string, args: object, headers = admin) {
  const { body, headers: more } = stateless(1, "tools/call", { name, arguments: args })
  const response = yield* post(yield* endpoint, body, { ...more, ...headers })
  return { status: response.status, body: yield* readJson(response) }
})

const result = (structuredContent: object) => ({ status: 200, body: { result: { structuredContent } } })

it.live(
  "an administrator publishes an application over MCP, and it is served at once and taken away again",
  () =>
    Effect.gen(function* () {
      const app = yield* backend(() => new Response("hello"))
      const url = yield* endpoint
      const visit = Effect.promise(async () => {
        const response = await fetch(new URL("/", url), { headers: { host: "app.example.com" } })
        return [response.status, response.status === 200 ? await response.text() : ""]
      })
      const entry = { hostname: "app.example.com", target_url: app.url }
      expect(yield* tool("create_proxy", entry)).toMatchObject(
        result({ ...entry, revision: 1, created_by: "admin", updated_by: "admin" })
      )
      expect(yield* visit).toEqual([200, "hello"])
      expect(yield* tool("list_proxies", { limit: 10 })).toMatchObject(result({ proxies: [entry], total: 1 }))
      expect(yield* tool("delete_proxy", { hostname: "app.example.com" })).toMatchObject(result(entry))
      expect((yield* visit)[0]).toBe(421)
      expect(yield* tool("undo_proxy_change", {})).toMatchObject(
        result({ hostname: "app.example.com", undone: 2, proxy: entry })
      )
      expect(yield* visit).toEqual([200, "hello"])
      const again = yield* tool("create_proxy", entry)
      expect(again.body).toMatchObject({ result: { isError: true } })
      expect(JSON.stringify(again.body)).toContain("app.example.com is already published: admin set it to")
      for (const [wrong, field] of [
        [{ ...entry, hostname: "../x" }, "hostname"],
        [{ ...entry, hostname: "b.example.com", target_url: "file:///etc/passwd" }, "target_url"],
        [{ ...entry, hostname: "b.example.com", target_url: "http://169.254.169.254" }, "target_url"],
        [{ ...entry, hostname: "b.example.com", protcet: "read" }, "protcet: unknown argument"]
      ] as const) {
        const { body } = yield* tool("create_proxy", wrong)
        expect(body).toMatchObject({ result: { isError: true } })
        expect(JSON.stringify(body)).toContain(`Invalid arguments for create_proxy: ${field}`)
      }
      expect(yield* tool("list_proxies", {}, viewer)).toMatchObject({ body: { error: { code: -32602 } } })
    }).pipe(Effect.provide(service({ auth })))
)

it.live("the same over REST, with conflicts and the state of each revision", () =>
  Effect.gen(function* () {
    const entry = { hostname: "app.example.com", target_url: "http://localhost:3000" }
    const path = "/edge/proxies/app.example.com"
    const remove = (query = "") =>
      Effect.flatMap(at(`${path}${query}`), (url) =>
        Effect.promise(() => fetch(url, { method: "DELETE", headers: admin }))
      )
    expect(yield* json(send("/edge/proxies", { ...entry, protect: "read" }, admin))).toMatchObject({
      status: 201,
      body: { ...entry, protect: "read", revision: 1 }
    })
    expect(
      yield* json(send(path, { target_url: "http://localhost:4000", revision: 1 }, admin))
    ).toMatchObject({
      status: 200,
      body: { target_url: "http://localhost:4000", revision: 2 }
    })
    expect(yield* json(get("/edge/proxies?limit=1", admin))).toMatchObject({
      status: 200,
      body: { proxies: [{ hostname: "app.example.com", revision: 2 }], total: 1 }
    })
    const conflict = yield* json(send(path, { target_url: "http://localhost:5000", revision: 1 }, admin))
    expect(conflict).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining("admin has changed") }
    })
    expect((yield* remove("?revision=1")).status).toBe(409)
    expect((yield* remove("?revision=2")).status).toBe(200)
    expect((yield* remove()).status).toBe(404)
    expect(yield* json(send("/edge/proxy_changes/undo", {}, admin))).toMatchObject({
      status: 200,
      body: { undone: 3, proxy: { target_url: "http://localhost:4000" } }
    })
    for (const [body, status] of [
      [entry, 409],
      [{ ...entry, hostname: "10.0.0.1" }, 422],
      [{ hostname: "b.example.com" }, 422],
      [{ ...entry, hostname: "b.example.com", protcet: "read" }, 422],
      [{ ...entry, hostname: "mcp.example.com" }, 422],
      [{ ...entry, hostname: "b.example.com", target_url: "http://mcp.example.com" }, 422]
    ] as const) {
      expect([body, (yield* send("/edge/proxies", body, admin)).status]).toEqual([body, status])
    }
    const misspelt = yield* json(send(path, { target_url: "http://localhost:4000", protcet: "read" }, admin))
    expect(misspelt).toMatchObject({ status: 422 })
    expect(JSON.stringify(misspelt.body)).toContain("protcet")
    expect((yield* remove("?revison=1")).status).toBe(422)
    const refused = yield* send("/edge/proxies", { ...entry, hostname: "b.example.com" }, viewer)
    expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([
      403,
      expect.stringContaining('scope="mcp:admin"')
    ])
    expect((yield* get("/edge/proxies")).status).toBe(401)
  }).pipe(Effect.provide(service({ auth, edge: { domains: ["mcp.example.com"] } })))
)
