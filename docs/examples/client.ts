/** A typed client of the REST API: gets a ticket with which a browser opens a WebSocket. `SERVICE=http://… bun client.ts`. */
import { Effect } from "effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import { Api } from "manifold/api"

const program = Effect.gen(function* () {
  const client = yield* HttpApiClient.make(Api, { baseUrl: process.env["SERVICE"] ?? "http://127.0.0.1:8000" })
  const { expires_at, ticket } = yield* client.auth.ticket({ payload: { path: "/mcp/ws" } })
  console.log(`/mcp/ws?ticket=${ticket} until ${expires_at}`)
})
await Effect.runPromise(Effect.provide(program, FetchHttpClient.layer))
