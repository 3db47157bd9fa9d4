/** The callback of sign-ins as a route: finishes the sign-in of the state, and shows a plain page. */
import { Effect } from "effect"
import { messagePage } from "../../http/htmlPage.ts"
import { methodNotAllowed } from "../../http/responses.ts"
import type { Route } from "../../http/Routes.ts"

/** `server`: its name; absent if the state is unknown. */
export interface Finished {
  readonly ok: boolean
  readonly server?: string
}

export const callbackPath = "/callback"

/** Text of the authorization server is not shown: anyone can send a request with any text here. */
const pageOf = (finished: Finished) => {
  const { ok, server } = finished
  if (server === undefined) {
    return messagePage(
      400,
      "Unknown sign-in",
      "This sign-in has expired or was already finished. Start it again."
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
