/** Requests to the REST service of a test. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { endpoint, post, readJson } from "./service.ts"

export type Headers = Record<string, string>

export const at = (path: string) => Effect.map(endpoint, (url) => new URL(path, url))

export const send = (path: string, body: unknown, headers: Headers = {}) =>
  Effect.flatMap(at(path), (url) => post(url, body, headers))

export const get = (path: string, headers: Headers = {}) =>
  Effect.flatMap(at(path), (url) => Effect.promise(() => fetch(url, { headers })))

/** Status and body of a response. */
export const json = <E, R>(response: Effect.Effect<Response, E, R>) =>
  Effect.gen(function* () {
    const found = yield* response
    return { status: found.status, body: yield* readJson(found) }
  })

/** Connects, and returns the client's id. */
export const connect = Effect.fnUntraced(function* (request: object, headers: Headers = {}) {
  const { body, status } = yield* json(send("/mcp/connect", request, headers))
  expect({ status, body }).toMatchObject({ status: 201, body: { status: "connected" } })
  return String(body["client_id"])
})

export const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` })
