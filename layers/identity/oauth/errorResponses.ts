/** Responses of the OAuth server to errors: pages in browsers, JSON (RFC 6749, section 5.2) for clients. */
import { Cause, Effect } from "effect"
import { messagePage } from "../../http/htmlPage.ts"
import { json } from "../../http/responses.ts"
import { TooManyClients } from "./clients.ts"
import { accountPath } from "./accountPage.ts"
import * as interactions from "./interactions.ts"
import { AlreadyUsed, TooManyInteractions } from "./records.ts"

const oauthError = (status: number, error: string, description: string, headers?: Record<string, string>) =>
  json(status, { error, error_description: description }, headers)

const retryHeaders = { "retry-after": "5" }

/** Whether a person sees the response, in a browser. */
const isPage = (path: string) =>
  path === accountPath ||
  path.startsWith(interactions.interactionPath) ||
  /^\/oauth\/authorize(?:\/|$)/.test(path)

export const unavailable = (path: string, description: string) =>
  isPage(path)
    ? messagePage(
        503,
        "Not available at this moment",
        `${description} Nothing was changed or lost.`,
        retryHeaders
      )
    : oauthError(503, "temporarily_unavailable", description, retryHeaders)

export const tooMany = (what: string, milliseconds: number) =>
  oauthError(429, "temporarily_unavailable", `Too many ${what} from this address. Retry later.`, {
    "retry-after": String(Math.ceil(milliseconds / 1000))
  })

/** For a sign-in that another browser has finished. */
export const signInElsewhere = () =>
  messagePage(
    400,
    "Sign-in not finished",
    "This sign-in was not finished in this browser. Go back to the application and connect it again."
  )

export interface FailureResponse {
  readonly response: Response
  /** The line for the log, if the operator should know. */
  readonly line: Effect.Effect<void> | undefined
}

/** The response for a request that failed. `path`: of the request. */
export const failureOf = (path: string, cause: Cause.Cause<unknown>): FailureResponse => {
  const error = Cause.squash(cause)
  if (error instanceof AlreadyUsed) {
    return { response: oauthError(400, "invalid_grant", error.message), line: undefined }
  }
  if (error instanceof TooManyInteractions || error instanceof TooManyClients) {
    const problem =
      error instanceof TooManyClients
        ? "No further clients can be registered. Ask the operator of this server."
        : "Too many sign-ins have begun. Retry later."
    return { response: unavailable(path, problem), line: Effect.logWarning(error.message) }
  }
  const line = Effect.logError("a request to the OAuth server failed", cause)
  const reason = typeof error === "object" && error !== null && "_tag" in error ? error._tag : ""
  if (reason === "DatabaseError" || reason === "KeysUnreadable") {
    const problem = "The store of the authorization server cannot be used. Try again in a few seconds."
    return { response: unavailable(path, problem), line }
  }
  const response = isPage(path)
    ? messagePage(500, "The authorization server failed", "See the log of the server.")
    : oauthError(500, "server_error", "The authorization server failed. See its log.")
  return { response, line }
}
