/** Flags of the commands of `manifold service`, and the rule who may change the system's service. */
import { Effect } from "effect"
import * as Flag from "effect/cli/Flag"
import { Machine } from "../../../layers/platform/Machine.ts"
import { UsageError } from "../UsageError.ts"

const flag = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

export const userFlag = flag("user", "A service of this user instead of one of the system")
export const yesFlag = flag("yes", "Apply the change without prompting").pipe(Flag.withAlias("y"))
export const dryRunFlag = flag("dry-run", "Show the change without applying it")

/** Only root may change the system's service. Windows checks that itself. */
export const requireRoot = Effect.fnUntraced(function* (user: boolean) {
  const { isRoot, os } = yield* Machine
  if (user || isRoot || os === "win32") return
  return yield* new UsageError({
    detail: "Only root can change the system's service. Run this command with sudo, or pass --user"
  })
})
