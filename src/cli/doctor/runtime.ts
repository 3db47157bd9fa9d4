/** Whether what runs the program is new enough. */
import { Effect } from "effect"
import { Machine } from "../../../layers/platform/Machine.ts"
import { program } from "../../domain/version.ts"
import { type Check, fail, ok } from "./Check.ts"

/** As `engines` in package.json says. */
const least = [1, 4, 5] as const

const isOld = (version: string) => {
  const parts = version.split(/[.-]/).map(Number)
  const differs = least.findIndex((part, index) => parts[index] !== part)
  return differs >= 0 && !((parts[differs] ?? 0) > (least[differs] ?? 0))
}

export const runtime: Check<Machine> = {
  name: "runtime",
  run: Effect.map(Machine, ({ bun, compiled, os }) => {
    const what = `manifold ${program.version}, ${compiled ? "compiled with" : "on"} Bun ${bun}, ${os}`
    return [isOld(bun) ? fail(`${what}: install Bun ${least.join(".")} or newer (bun upgrade)`) : ok(what)]
  })
}
