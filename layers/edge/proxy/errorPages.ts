/** Responses of the edge itself: a page for browsers, else a line of text. */
import { acceptsPage } from "../../http/acceptHeader.ts"
import { messagePage } from "../../http/htmlPage.ts"

const titles = {
  400: "Request not valid",
  401: "Sign-in required",
  403: "Not allowed",
  408: "Request too slow",
  413: "Request too large",
  429: "Too many requests",
  502: "Application not reachable",
  503: "Application not available",
  504: "Application too slow",
  508: "Loop detected"
} as const

export type EdgeStatus = keyof typeof titles

/** `text` is shown to everyone: it names no address of the application. */
export const edgeError = (
  request: Request,
  status: EdgeStatus,
  text: string,
  headers: Readonly<Record<string, string>> = {}
): Response => {
  const response = acceptsPage(request.headers.get("accept"))
    ? messagePage(status, titles[status], text)
    : new Response(`${titles[status]}. ${text}\n`, {
        status,
        headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" }
      })
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value)
  return response
}
