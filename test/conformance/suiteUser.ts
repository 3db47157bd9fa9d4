/** The user of the client that the suite tests: accepts every form as it is, and signs in wherever asked. */
import { Effect } from "effect"
import { SignIns } from "../../layers/upstream/oauth/SignIns.ts"
import { Client, type InputRequest } from "../../src/catalog/Client.ts"
import { isObject, type JsonObject } from "../../src/domain/JsonObject.ts"

const samples: Readonly<Record<string, unknown>> = { string: "text", number: 2, integer: 2, boolean: true }

/** A value for each property of the schema: its default, or one of its type. */
export const fill = (schema: unknown): JsonObject => {
  const properties = isObject(schema) && isObject(schema.properties) ? schema.properties : {}
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, property]) => {
      const { default: given, type } = isObject(property) ? property : {}
      const value = given ?? samples[String(type)]
      return value === undefined ? [] : [[name, value]]
    })
  )
}

/** Where the suite's authorization servers send the user, who comes back without a browser. */
export const redirectUrl = "http://127.0.0.1:33418/callback"

/** Opens the page of an authorization server, which agrees at once. */
export const visit = Effect.fnUntraced(function* (url: string) {
  const signIns = yield* SignIns
  const page = yield* Effect.promise(() => fetch(url, { redirect: "manual" }))
  yield* signIns.finish(new URL(page.headers.get("location") ?? redirectUrl).searchParams)
})

const answer = (request: InputRequest) => {
  if (request.kind === "elicit") return Effect.succeed({ action: "accept", content: fill(request.schema) })
  return request.kind === "visit"
    ? Effect.as(visit(request.url), { action: "accept" })
    : Effect.succeed({ action: "decline" })
}

export const suiteUser = Effect.map(Effect.context<SignIns>(), (context) =>
  Client.of({
    ...Client.absent,
    supports: (kind) => kind === "elicit" || kind === "visit",
    // The responses have the shapes of their requests.
    ask: ((requests: Readonly<Record<string, InputRequest>>) =>
      Effect.map(
        Effect.forEach(Object.entries(requests), ([key, request]) =>
          Effect.map(answer(request), (given) => [key, given] as const)
        ),
        Object.fromEntries
      ).pipe(Effect.provideContext(context))) as unknown as Client["Service"]["ask"]
  })
)
