/** Completion of arguments by an upstream server that fails, or cannot complete them. */
import { describe, expect } from "bun:test"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect } from "effect"
import { LogRing } from "../../layers/logging/LogRing.ts"
import { it } from "../support/effect.ts"
import { endpoint, post, readJson, service, stateless } from "../support/service.ts"

type Completes = (response: ServerResponse, id: unknown, count: number) => void

const respond = (response: ServerResponse, message: object) =>
  response
    .writeHead(200, { "content-type": "application/json" })
    .end(JSON.stringify({ jsonrpc: "2.0", ...message }))

const found: Completes = (response, id) =>
  respond(response, { id, result: { completion: { values: ["Ada"] } } })
const fails =
  (code: number, message: string): Completes =>
  (response, id) =>
    respond(response, { id, error: { code, message } })
/** Closes the connection, which was kept open since the earlier requests. */
const closes: Completes = (response) => void response.socket?.destroy()

/** A server of the session era with one prompt. */
const promptServer = (completes: Completes, capabilities: object = { prompts: {}, completions: {} }) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      let count = 0
      const answer = (response: ServerResponse, id: unknown, method: string) => {
        switch (method) {
          case "initialize": {
            const serverInfo = { name: "prompts", version: "1" }
            return respond(response, {
              id,
              result: { protocolVersion: "2025-11-25", capabilities, serverInfo }
            })
          }
          case "prompts/list":
            return respond(response, {
              id,
              result: { prompts: [{ name: "greet", arguments: [{ name: "who" }] }] }
            })
          case "completion/complete":
            return completes(response, id, ++count)
          default:
            return fails(-32_601, "Method not found")(response, id, 0)
        }
      }
      const handle = async (request: IncomingMessage, response: ServerResponse) => {
        if (request.method !== "POST") return response.writeHead(405).end()
        const pieces: Array<Uint8Array> = []
        for await (const piece of request) pieces.push(piece as Uint8Array)
        const message = JSON.parse(Buffer.concat(pieces).toString()) as { id?: unknown; method: string }
        if (message.id === undefined) return response.writeHead(202).end()
        return answer(response, message.id, message.method)
      }
      const server = createServer((request, response) => void handle(request, response))
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const { port } = server.address() as AddressInfo
      return { url: `http://127.0.0.1:${port}/mcp`, count: () => count, server }
    }),
    ({ server }) => Effect.sync(() => void (server.closeAllConnections(), server.close()))
  )

const complete = Effect.gen(function* () {
  const { body, headers } = stateless(1, "completion/complete", {
    ref: { type: "ref/prompt", name: "far__greet" },
    argument: { name: "who", value: "A" }
  })
  return yield* readJson(yield* post(yield* endpoint, body, headers))
})

/** The response that a client gets, and the lines of the log. */
const completed = (url: string) =>
  Effect.gen(function* () {
    const response = yield* complete
    const lines = yield* Effect.flatMap(LogRing, (ring) => ring.query({}))
    return { response, lines }
  }).pipe(
    Effect.provide(service({ logging: { level: "info" }, mcpServers: { far: { url } } }), { local: true })
  )

const nothing = { result: { completion: { values: [], total: 0 } } }

describe("completion by an upstream server", () => {
  it.live("is repeated once if the connection is closed before its response", () =>
    Effect.gen(function* () {
      const { count, url } = yield* promptServer((response, id, each) =>
        (each === 1 ? closes : found)(response, id, each)
      )
      const { lines, response } = yield* completed(url)
      expect(response).toMatchObject({ result: { completion: { values: ["Ada"], total: 1 } } })
      expect(count()).toBe(2)
      expect(lines).toContainEqual(
        expect.objectContaining({
          level: "warn",
          message: [
            "upstream far: a completion got no response and is repeated",
            "the server closed the connection before its response"
          ]
        })
      )
    })
  )

  it.live("fails if no response comes, and the log has the reason", () =>
    Effect.gen(function* () {
      const { count, url } = yield* promptServer(closes)
      const { lines, response } = yield* completed(url)
      expect(response).not.toHaveProperty("result")
      expect(JSON.stringify(response.error)).toContain("closed the connection before its response")
      expect(count()).toBe(2)
      expect(lines).toContainEqual(
        expect.objectContaining({ level: "warn", kind: "completion", status: "failed" })
      )
    })
  )

  it.live("fails with the error of the server, without repeating it", () =>
    Effect.gen(function* () {
      const { count, url } = yield* promptServer(fails(-32_000, "The index is broken."))
      const { lines, response } = yield* completed(url)
      expect(response).toMatchObject({
        error: { code: -32_000, message: expect.stringContaining("The index is broken.") }
      })
      expect(count()).toBe(1)
      expect(lines).toContainEqual(
        expect.objectContaining({
          level: "warn",
          kind: "completion",
          error: expect.stringContaining("The index is broken.")
        })
      )
    })
  )

  for (const [name, code] of [
    ["does not know the method", -32_601],
    ["does not complete this argument", -32_602]
  ] as const) {
    it.live(`has no values if the server ${name}`, () =>
      Effect.gen(function* () {
        const { count, url } = yield* promptServer(fails(code, "No."))
        expect((yield* completed(url)).response).toMatchObject(nothing)
        expect(count()).toBe(1)
      })
    )
  }

  it.live("has no values, and sends no request, if the server has no completion", () =>
    Effect.gen(function* () {
      const { count, url } = yield* promptServer(found, { prompts: {} })
      expect((yield* completed(url)).response).toMatchObject(nothing)
      expect(count()).toBe(0)
    })
  )
})
