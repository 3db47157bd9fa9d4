/** Routes under any Host: probes by address or without a Host are served, all other requests are checked. */
import { expect } from "bun:test"
import { Effect } from "effect"
import type { Route } from "../../../layers/http/Routes.ts"
import { it } from "../../support/effect.ts"
import { listen } from "../../support/listener.ts"
import { raw } from "../../support/rawHttp.ts"

const seen: Array<string> = []
const probe: Route<string> = {
  paths: ["/ready"],
  anyHost: true,
  fetch: ({ method, url }) => {
    seen.push(`${method} ${url}`)
    return new Response("ready")
  }
}
const other: Route<string> = { paths: ["/other"], fetch: () => new Response("other") }

const options = { hostname: "0.0.0.0", allowedHosts: ["mcp.example.com"] }

const statusOf = (port: number, line: string, headers = "") =>
  Effect.map(
    Effect.promise(() => raw(port, `${line}\r\n${headers}\r\n`)),
    ({ status }) => status
  )

it.live("a probe is served with the address of the pod, or over HTTP/1.0 without a Host", () =>
  Effect.gen(function* () {
    const { port } = yield* listen([probe, other], options)
    expect(yield* statusOf(port, "GET /ready HTTP/1.1", "Host: 10.1.2.3:8000\r\n")).toBe(200)
    expect(yield* statusOf(port, "GET /ready HTTP/1.1", "Host: [fd00::1]:8000\r\n")).toBe(200)
    expect(yield* statusOf(port, "GET /ready HTTP/1.0")).toBe(200)
    expect(yield* statusOf(port, "GET /ready?verbose HTTP/1.0")).toBe(200)
    expect(seen).toHaveLength(4)
  })
)

it.live("other paths and methods, web pages and malformed Hosts are rejected", () =>
  Effect.gen(function* () {
    const { port } = yield* listen([probe, other], options)
    const pod = "Host: 10.1.2.3\r\n"
    expect(yield* statusOf(port, "GET /other HTTP/1.1", pod)).toBe(421)
    expect(yield* statusOf(port, "GET /other HTTP/1.0")).toBe(400)
    expect(yield* statusOf(port, "GET / HTTP/1.0")).toBe(400)
    expect(yield* statusOf(port, "GET /ready/more HTTP/1.0")).toBe(400)
    expect(yield* statusOf(port, "POST /ready HTTP/1.1", `${pod}Content-Length: 0\r\n`)).toBe(421)
    expect(yield* statusOf(port, "GET /ready HTTP/1.1", `${pod}Origin: http://10.1.2.3\r\n`)).toBe(421)
    for (const host of ["a, b", "u@localhost", "a/ready", ""]) {
      expect(yield* statusOf(port, "GET /ready HTTP/1.1", `Host: ${host}\r\n`)).toBe(400)
    }
  })
)
