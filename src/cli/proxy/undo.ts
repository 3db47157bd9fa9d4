/** `manifold proxy undo`: reverts the last change of published applications. */
import { Console, Effect, Option } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { ProxyTable } from "../../../layers/edge/ProxyTable.ts"
import { jsonFlag } from "../upstream/jsonFlag.ts"
import { asOperator } from "./asOperator.ts"

export const undo = Command.make(
  "undo",
  {
    revision: Flag.Int("revision").pipe(
      Flag.withDescription("Undo this change, if it is the last one"),
      Flag.optional
    ),
    json: jsonFlag
  },
  Effect.fnUntraced(function* ({ json, revision }) {
    const request = Option.match(revision, { onNone: () => ({}), onSome: (number) => ({ revision: number }) })
    const undone = yield* (yield* ProxyTable).undo(request, "operator")
    if (json) return yield* Console.log(JSON.stringify(undone))
    const { hostname, proxy } = undone
    const now = proxy === null ? "is not published any more" : `is published to ${proxy.target_url} again`
    yield* Console.log(`Undone: ${hostname} ${now}.`)
  }, asOperator)
).pipe(Command.withDescription("Undo the last change of published applications; again for the one before"))
