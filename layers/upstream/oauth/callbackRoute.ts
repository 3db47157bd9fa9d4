/** The callback of sign-ins as a route: finishes the sign-in of the state, and shows a plain page. */
import { Effect } from "effect"
import { methodNotAllowed } from "../../http/responses.ts"
import type { Route } from "../../http/Routes.ts"

/** `server`: its name; absent if the state is unknown. */
export interface Finished {
  readonly ok: boolean
  readonly server?: string
}

export const callbackPath = "/callback"

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}
const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => escapes[character] ?? "")

/** Text of the authorization server is not shown: anyone can send a request with any text here. */
const page = (status: number, title: string, text: string) =>
  new Response(
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title></head>` +
      `<body><h1>${escaped(title)}</h1><p>${escaped(text)}</p></body></html>\n`,
    {
      status,
      headers: {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy":
          "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store"
      }
    }
  )

const pageOf = (finished: Finished) => {
  const { ok, server } = finished
  if (server === undefined) {
    return page(400, "Unknown sign-in", "This sign-in has expired or was already finished. Start it again.")
  }
  return ok
    ? page(200, "Signed in", `You are signed in to ${server}. You can close this page.`)
    : page(400, "Sign-in failed", `The sign-in to ${server} failed. Start it again; the log has the reason.`)
}

export const callbackRoute = (finish: (params: URLSearchParams) => Effect.Effect<Finished>): Route => ({
  paths: [callbackPath],
  fetch: (request) =>
    request.method === "GET"
      ? // A closed browser window does not interrupt the exchange of its code.
        Effect.runPromise(Effect.map(finish(new URL(request.url).searchParams), pageOf))
      : methodNotAllowed("GET")
})
