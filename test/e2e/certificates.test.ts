/** Certificates of the edge over every surface of a service: tools, REST, health and metrics. */
import { describe, expect } from "bun:test"
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { Effect } from "effect"
import { possible } from "../support/certificate.ts"
import { make } from "../support/certificates.ts"
import { it } from "../support/effect.ts"
import { at, bearer, get, json, send } from "../support/rest.ts"
import { endpoint, readJson, service } from "../support/service.ts"

const [admin = "", reader = ""] = ["a", "r"].map((letter) => letter.repeat(40))
const config = {
  auth: {
    tokens: [
      { name: "admin", token: admin, scopes: ["read", "call", "admin"] },
      { name: "reader", token: reader, scopes: ["read"] }
    ]
  },
  edge: { domains: ["a.example.com", "b.example.com"], host: "127.0.0.1", https_port: 0 }
}

const remove = (path: string) =>
  Effect.flatMap(at(path), (url) =>
    Effect.promise(() => fetch(url, { method: "DELETE", headers: bearer(admin) }))
  )

describe.skipIf(!possible)("The certificates of a service", () => {
  it.live("are listed, uploaded and removed by administrators over MCP and REST", () =>
    Effect.gen(function* () {
      const client = new Client({ name: "test", version: "1" })
      const transport = new StreamableHTTPClientTransport(yield* endpoint, {
        requestInit: { headers: bearer(admin) }
      })
      yield* Effect.promise(() => client.connect(transport))
      const call = (name: string, args: Record<string, unknown> = {}) =>
        Effect.promise(() => client.callTool({ name, arguments: args }))
      const local = { source: "local_ca", state: "active", next_action: "renew" }
      expect((yield* call("list_certificates")).structuredContent).toMatchObject({
        certificates: [
          { names: ["a.example.com"], hosts: ["a.example.com"], ...local },
          { names: ["b.example.com"], hosts: ["b.example.com"], ...local },
          { names: ["localhost", "127.0.0.1", "::1"], hosts: ["localhost"], ...local }
        ]
      })
      const first = yield* call("list_certificates", { limit: 1 })
      expect(first.structuredContent).toMatchObject({ certificates: [{}], next_cursor: expect.any(String) })

      const { cert, key } = yield* make({ names: ["a.example.com"], days: 30 })
      const upload = { certificate: cert, private_key: key }
      const added = yield* call("add_certificate", upload)
      expect(added.structuredContent).toMatchObject({ source: "uploaded", created_by: "admin" })
      expect(JSON.stringify(added)).not.toContain("PRIVATE KEY")
      const rejected = yield* call("add_certificate", { ...upload, private_key: cert })
      expect([rejected.isError, JSON.stringify(rejected.content)]).toEqual([
        true,
        expect.stringContaining("There is no private key")
      ])
      const { id } = added.structuredContent as { readonly id: string }
      expect((yield* call("remove_certificate", { id })).structuredContent).toEqual({
        id,
        names: ["a.example.com"]
      })
      const retried = yield* call("retry_certificate", { hostname: "a.example.com" })
      expect([retried.isError, JSON.stringify(retried.content)]).toEqual([
        true,
        expect.stringContaining("No attempt")
      ])
      yield* Effect.promise(() => client.close())

      const path = "/edge/certificates"
      const again = yield* json(send(path, upload, bearer(admin)))
      expect(again).toMatchObject({ status: 201, body: { source: "uploaded", names: ["a.example.com"] } })
      expect((yield* json(get(`${path}?limit=1`, bearer(admin)))).body).toMatchObject({
        certificates: [{ names: ["a.example.com"] }],
        next_cursor: expect.any(String)
      })
      expect((yield* json(send(path, { ...upload, certificate: "x" }, bearer(admin)))).status).toBe(422)
      expect((yield* json(send(path, { certificate: cert }, bearer(admin)))).status).toBe(422)
      expect((yield* send(`${path}/retry`, { hostname: "a.example.com" }, bearer(admin))).status).toBe(404)
      expect((yield* get(path, bearer(reader))).status).toBe(403)
      expect((yield* get(path)).status).toBe(401)
      expect((yield* remove(`${path}/${String(again.body["id"])}`)).status).toBe(200)
      expect((yield* remove(`${path}/${String(again.body["id"])}`)).status).toBe(404)
    }).pipe(Effect.provide(service(config)))
  )

  it.live("are in health and metrics, and those that expire soon degrade health", () =>
    Effect.gen(function* () {
      const text = (path: string) =>
        Effect.flatMap(get(path, bearer(admin)), (response) => Effect.promise(() => response.text()))
      expect(yield* text("/metrics")).toMatch(/manifold_certificate_hosts\{source="local_ca"\} 3\n/)
      expect(yield* text("/metrics")).toMatch(
        /manifold_certificate_days_to_expiry\{source="local_ca"\} (?:90|89\.9)/
      )
      expect((yield* json(get("/health", bearer(admin)))).body).toMatchObject({
        parts: { certificates: { status: "ok" } }
      })

      const { cert, key } = yield* make({ names: ["a.example.com"], days: 2 })
      yield* send("/edge/certificates", { certificate: cert, private_key: key }, bearer(admin))
      const health = Effect.flatMap(get("/health", bearer(admin)), readJson)
      const found = yield* Effect.repeat(health, {
        until: (body) => JSON.stringify(body).includes("failing")
      })
      expect(found).toMatchObject({
        status: "degraded",
        parts: {
          certificates: {
            status: "failing",
            detail: "certificates expire soon: a.example.com; list_certificates shows why"
          }
        }
      })
    }).pipe(Effect.provide(service(config)))
  )
})
