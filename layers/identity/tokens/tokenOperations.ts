/** Operations on stored API tokens; loaded with the first token. */
import { Effect } from "effect"
import { makeTokenAdministration } from "./administerTokens.ts"
import { makePepper } from "./pepper.ts"
import { makeTokenFailures } from "./tokenFailures.ts"
import { makeTokenVerification } from "./verifyTokens.ts"

export const makeTokenOperations = Effect.gen(function* () {
  const pepper = yield* makePepper
  const failures = makeTokenFailures()
  return {
    ...(yield* makeTokenVerification(pepper, failures)),
    ...(yield* makeTokenAdministration(pepper, failures))
  }
})
export type TokenOperations = Effect.Success<typeof makeTokenOperations>
