/** `manifold health` as a process, against the real service and against servers that are not manifold. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { Health } from "../../../layers/health/Health.ts"
import { certificate, machine, possible } from "../../support/certificate.ts"
import { it } from "../../support/effect.ts"
import { endpoint, service } from "../../support/service.ts"
import { manifold } from "../../support/stdio.ts"

const ask = (variables: Record<string, string>, ...args: ReadonlyArray<string>) =>
  manifold(["health", ...args], { env: { MCP_CONFIG_JSON: "{}", HOST: "", ...variables } })

it.live("prints the status of the configured service, and fails while it drains", () =>
  Effect.gen(function* () {
    const { port } = yield* endpoint
    expect(yield* ask({ PORT: port })).toEqual({ code: 0, stdout: "healthy\n", stderr: "" })
    expect((yield* ask({ PORT: port, HOST: "0.0.0.0" })).stdout).toBe("healthy\n")
    yield* Effect.flatMap(Health, ({ drain }) => drain)
    const { code, stderr } = yield* ask({ PORT: port })
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `manifold: http://127.0.0.1:${port}/health: draining\n`
    })
  }).pipe(Effect.provide(service()))
)

it.live("needs no token", () =>
  Effect.gen(function* () {
    const { origin } = yield* endpoint
    expect(yield* ask({}, "--url", origin)).toMatchObject({ code: 0, stdout: "healthy\n" })
  }).pipe(Effect.provide(service({ auth: { tokens: [{ name: "a", token: "x".repeat(40) }] } })))
)

if (possible) {
  it.live("asks a service with a certificate for other names", () =>
    Effect.gen(function* () {
      const { cert, key } = yield* certificate
      const server = Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        tls: { cert, key },
        fetch: () => Response.json({ status: "degraded" })
      })
      yield* Effect.addFinalizer(() => Effect.promise(() => server.stop(true)))
      const config = { server: { port: server.port, tls: { cert_file: "/c.pem", key_file: "/k.pem" } } }
      const asked = yield* ask({ MCP_CONFIG_JSON: JSON.stringify(config), PORT: "" })
      expect(asked).toEqual({ code: 0, stdout: "degraded\n", stderr: "" })
    }).pipe(Effect.provide(machine))
  )
}

it.live("fails for another program, a closed port and a URL that is wrong", () =>
  Effect.gen(function* () {
    const other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("hello") })
    const url = other.url.href
    const found = yield* ask({}, "--url", url)
    expect(found.stderr).toBe(`manifold: ${url}health: HTTP 200, not a response of manifold\n`)
    yield* Effect.promise(() => other.stop(true))
    const closed = yield* ask({}, "--url", url)
    expect(closed.code).toBe(1)
    expect(closed.stderr).toContain(`${url}health: `)
    expect((yield* ask({}, "--url", "localhost")).code).toBe(2)
    expect((yield* ask({ PORT: "0" })).stderr).toContain("Pass the --url")
  })
)
