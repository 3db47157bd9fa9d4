/** The callback of sign-ins as a route: finishes the sign-in of the state, and shows a plain page. */
import { Effect } from "effect"
import { messagePage } from "../../http/htmlPage.ts"
import { methodNotAllowed } from "../../http/responses.ts"
import type { Route } from "../../http/Routes.ts"

/** `server`: its name; absent if the state is unknown. */
export interface Finished {
  readonly ok: boolean
  readonly server?: string
  /** Whether the sign-in is finished by the next request that uses the server. */
  readonly later?: boolean
}

export const callbackPath = "/callback"

/** Text of the authorization server is not shown: anyone can send a request with any text here. */
const pageOf = (finished: Finished) => {
  const { later, ok, server } = finished
  if (server === undefined) {
    return messagePage(
      400,
      "Unknown sign-in",
      "This sign-in has expired or was already finished. Start it again."
    )
  }
  if (later === true) {
    return messagePage(
      200,
      "Sign-in received",
      `Return to your program: its next request to ${server} finishes the sign-in. You can close this page.`
    )
  }
  return ok
    ? messagePage(200, "Signed in", `You are signed in to ${server}. You can close this page.`)
    : messagePage(
        400,
        "Sign-in failed",
        `The sign-in to ${server} failed. Start it again; the log has the reason.`
      )
}

export const callbackRoute = (finish: (params: URLSearchParams) => Effect.Effect<Finished>): Route => ({
  paths: [callbackPath],
  fetch: (request) =>
    request.method === "GET"
      ? // A closed browser window does not interrupt the exchange of its code.
        Effect.runPromise(Effect.map(finish(new URL(request.url).searchParams), pageOf))
      : methodNotAllowed("GET")
})
