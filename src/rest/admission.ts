/** Admission of a REST request: its scope, and the rate limits of its principal. */
import { Effect } from "effect"
import { insufficientScope } from "../../layers/identity/bearerChallenge.ts"
import type { Catalog } from "../catalog/Catalog.ts"
import type { Scope } from "../domain/scopes.ts"
import { Forbidden } from "./errors.ts"
import { rejected, withHeaders } from "./rejections.ts"
import { RestRequest } from "./RestRequest.ts"

/** The principal, if it has the scope. */
export const admitted = Effect.fnUntraced(function* (scope: Scope) {
  const { principal } = yield* RestRequest
  if (!principal.may([scope])) {
    yield* withHeaders({ "www-authenticate": insufficientScope([scope]) })
    return yield* new Forbidden({ detail: `The scope ${scope} is required.` })
  }
  return principal
})

/**
 * Like `admitted`; counts the request under the rate limits. `onOutage`: without the Redis that instances share, count in this
 * process, or reject with 503, which administration does.
 */
export const metered = Effect.fnUntraced(function* (
  scope: Scope,
  catalog: Catalog["Service"],
  onOutage: "local" | "refuse" = scope === "admin" ? "refuse" : "local"
) {
  const principal = yield* admitted(scope)
  yield* catalog.meter(principal, onOutage).pipe(Effect.catch((error) => rejected(error)))
  return principal
})
