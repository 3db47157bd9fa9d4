/** Checks the API keys of model providers in the environment. Keys are never shown. */
import { Effect } from "effect"
import { knownProviders } from "../../../layers/models/providers.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { type Check, ok, warn } from "./Check.ts"

export const providerKeys: Check<Environment> = {
  name: "provider keys",
  run: Effect.map(Environment, ({ get }) =>
    knownProviders.map(({ keyVariable }) => {
      const value = get(keyVariable) ?? ""
      if (value === "") return ok(`${keyVariable} is not set`)
      return /^[\x21-\x7e]+$/.test(value)
        ? ok(`${keyVariable} is set`)
        : warn(`${keyVariable} contains spaces or other characters that are invalid in a key: set it again`)
    })
  )
}
