/** Translates an upstream server's requests to the client into input requests of the catalog, and their responses back. */
import { Effect } from "effect"
import type { Answer } from "../../layers/upstream/inputRounds.ts"
import { UpstreamError } from "../../layers/upstream/UpstreamError.ts"
import type { Client, InputRequest } from "../catalog/Client.ts"
import type { JsonObject } from "../domain/JsonObject.ts"

const pick = (params: JsonObject, name: string) =>
  params[name] === undefined ? {} : { [name]: params[name] }

/** `undefined` for methods that clients do not implement. */
export const toInputRequest = (method: string, params: JsonObject): InputRequest | undefined => {
  const { message = "", mode, requestedSchema, url } = params
  switch (method) {
    case "elicitation/create":
      // The SDK has checked the shapes of all of these.
      return mode === "url"
        ? ({ kind: "visit", message, url, ...pick(params, "elicitationId") } as InputRequest)
        : ({ kind: "elicit", message, schema: requestedSchema } as InputRequest)
    case "sampling/createMessage":
      return { ...params, kind: "sample" } as unknown as InputRequest
    case "roots/list":
      return { kind: "roots" }
    default:
      return undefined
  }
}

/** Capabilities of the caller of a request, as an MCP client declares them. */
export const capabilitiesOf = ({ supports }: Client["Service"]): JsonObject => {
  const elicitation = {
    ...(supports("elicit") && { form: {} }),
    ...(supports("visit") && { url: {} })
  }
  return {
    ...(Object.keys(elicitation).length > 0 && { elicitation }),
    ...(supports("sample") && { sampling: {} }),
    ...(supports("roots") && { roots: {} })
  }
}

/**
 * Asks the caller what the server asks in one round, under the server's keys. A key that an earlier round has used gets
 * the number of the round: keys are the same when a stateless caller's call runs again from its start.
 */
export const answering = (server: string, client: Client["Service"]): Answer => {
  const used = new Set<string>()
  let round = 0
  // Most calls ask nothing: a generator function is made for those that do.
  return (requests) =>
    Effect.gen(function* () {
      round++
      const fail = (detail: string) => new UpstreamError({ server, stage: "call", detail, unsent: false })
      const asked: Record<string, InputRequest> = {}
      const keys = new Map(Object.keys(requests).map((key) => [key, used.has(key) ? `${key}-${round}` : key]))
      for (const [key, own] of keys) {
        used.add(key)
        const { method = "", params = {} } = requests[key] ?? {}
        const request = toInputRequest(method, params)
        if (request === undefined)
          return yield* fail(`the server requests ${method}, which is not a method of clients`)
        if (!client.supports(request.kind)) {
          return yield* fail(`the server requests ${method}, which the caller does not support`)
        }
        asked[own] = request
      }
      const answers = yield* Effect.mapError(client.ask(asked), ({ detail }) => fail(detail))
      return Object.fromEntries(
        Array.from(keys, ([key, own]) => [key, answers[own] as unknown as JsonObject])
      )
    })
}
