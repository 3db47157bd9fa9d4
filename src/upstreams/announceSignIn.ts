/** Log lines that show the operator how to sign in at an upstream server. */
import { Effect } from "effect"
import type { Account } from "../../layers/upstream/oauth/Account.ts"
import { SignIns } from "../../layers/upstream/oauth/SignIns.ts"

/** Also logs the URL, once the HTTP service is there to finish the sign-in. */
export const announceSignIn = Effect.fnUntraced(function* (
  name: string,
  account: Account,
  scope: string | undefined
) {
  yield* Effect.logWarning(`upstream ${name}: sign in with: manifold upstream login ${name}`)
  const { served } = yield* SignIns
  yield* served
  yield* account.signIn(scope).pipe(
    Effect.flatMap(({ url }) => Effect.logWarning(`upstream ${name}: or sign in at ${url}`)),
    Effect.catch((error) => Effect.logWarning(`upstream ${name}: no sign-in is possible`, error.detail))
  )
})
