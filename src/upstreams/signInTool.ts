/** The tool with which a caller signs in at an upstream server, while the server is unauthorized. */
import { Effect } from "effect"
import { withoutTimeLimit } from "../../layers/guard/timeLimit.ts"
import type { Account } from "../../layers/upstream/oauth/Account.ts"
import type { UpstreamError } from "../../layers/upstream/UpstreamError.ts"
import { Failed } from "../catalog/CatalogError.ts"
import { Client } from "../catalog/Client.ts"
import type { ToolEntry } from "../catalog/Entry.ts"
import { rawTool } from "../catalog/rawTool.ts"
import { text } from "../domain/Content.ts"
import { servedNames } from "./names.ts"

/** Key of the input request: the same in each round of a stateless client. */
const key = "sign-in"

export type SignInOutcome =
  { readonly signedIn: true } | { readonly signedIn: false; readonly detail: string }

/**
 * Shows the user the page of the authorization server, and waits until the sign-in is finished. A client that cannot open
 * pages gets the URL as text.
 */
export const offerSignIn = Effect.fnUntraced(function* (
  server: string,
  account: Account,
  scope: string | undefined
): Effect.fn.Return<SignInOutcome, UpstreamError, Client> {
  const client = yield* Client
  const { done, url } = yield* account.signIn(scope)
  if (!client.supports("visit")) {
    return {
      signedIn: false,
      detail: `the user must sign in at ${server} first: open this page in a browser, then repeat the request: ${url}`
    }
  }
  const answers = yield* client
    .ask({ [key]: { kind: "visit", message: `Sign in at ${server} to continue.`, url } })
    .pipe(Effect.orElseSucceed(() => ({ [key]: { action: "cancel" as const } })))
  if (answers[key]?.action !== "accept") {
    return { signedIn: false, detail: `the user did not sign in at ${server}` }
  }
  yield* withoutTimeLimit(done)
  return { signedIn: true }
})

/** Name of the tool, before the prefix of the server is added. */
const name = "sign_in"

export const signInTool = (
  server: string,
  prefix: string,
  account: Account,
  /** Scopes that the server requires to connect. */
  scope: () => string | undefined
): ToolEntry => {
  const served = servedNames({ prefix }, [name]).get(name) ?? name
  return rawTool(
    {
      name: served,
      title: `Sign in at ${server}`,
      description:
        `Sign in at the MCP server ${server}, whose tools require it. ` +
        "Returns a URL for the user if the client cannot open pages. Afterwards list the tools again.",
      inputSchema: { type: "object", properties: {} },
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true }
    },
    () =>
      Effect.suspend(() => offerSignIn(server, account, scope())).pipe(
        Effect.map((outcome) => ({
          content: [text(outcome.signedIn ? `Signed in at ${server}. List the tools again.` : outcome.detail)]
        })),
        Effect.mapError(({ detail }) => new Failed({ name: served, detail, reason: "UpstreamUnavailable" }))
      )
  )
}
