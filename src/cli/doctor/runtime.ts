/** Checks the Bun version. */
import { Effect } from "effect"
import { Machine } from "../../../layers/platform/Machine.ts"
import { fullVersion } from "../../domain/version.ts"
import { type Check, fail, ok } from "./Check.ts"

/** Minimum version; the same as `engines` in package.json. */
const minimum = [1, 4, 5] as const

const isOld = (version: string) => {
  const parts = version.split(/[.-]/).map(Number)
  const differs = minimum.findIndex((part, index) => parts[index] !== part)
  return differs >= 0 && !((parts[differs] ?? 0) > (minimum[differs] ?? 0))
}

export const runtime: Check<Machine> = {
  name: "runtime",
  run: Effect.map(Machine, ({ bun, compiled, os }) => {
    const what = `manifold ${fullVersion}, ${compiled ? "compiled with" : "on"} Bun ${bun}, ${os}`
    return [isOld(bun) ? fail(`${what}: install Bun ${minimum.join(".")} or newer (bun upgrade)`) : ok(what)]
  })
}
