/** Which model providers have a key in the environment. Never shows one. */
import { Effect } from "effect"
import { Environment } from "../../../layers/platform/Environment.ts"
import { type Check, ok, warn } from "./Check.ts"

const names = ["GROQ_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"]

export const providerKeys: Check<Environment> = {
  name: "provider keys",
  run: Effect.map(Environment, ({ get }) =>
    names.map((name) => {
      const value = get(name) ?? ""
      if (value === "") return ok(`${name} is not set`)
      return /^[\x21-\x7e]+$/.test(value)
        ? ok(`${name} is set`)
        : warn(`${name} is set, with spaces or other characters that no key has: set it again`)
    })
  )
}
