/** Which model providers have a key in the environment. Never shows one. */
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
        : warn(`${keyVariable} is set, with spaces or other characters that no key has: set it again`)
    })
  )
}
