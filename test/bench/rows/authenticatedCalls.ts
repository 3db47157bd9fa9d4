/** `tools/call` with a stored token, against the same call without one. */
import { calls, type Prepare } from "../support/callLoad.ts"
import { modernCall } from "../support/protocol.ts"
import { adminToken, oursAnonymous, oursAuthenticated } from "../support/servers.ts"

const anonymous: Prepare = async () => modernCall

const withToken: Prepare = async (url) => {
  const created = await fetch(new URL("/auth/tokens", url), {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    body: JSON.stringify({ name: `bench-${crypto.randomUUID()}` })
  })
  const { token } = (await created.json()) as { readonly token: string }
  return { ...modernCall, headers: { ...modernCall.headers, authorization: `Bearer ${token}` } }
}

export const authenticatedCalls = calls(
  "tools/call, stored token",
  withToken,
  [[oursAnonymous, anonymous]],
  oursAuthenticated
)
