/** `manifold proxy delete`: stops publishing an application. */
import { Console, Effect, Option } from "effect"
import * as Command from "effect/cli/Command"
import { ProxyDeletion } from "../../../layers/edge/proxies/Proxy.ts"
import { ProxyTable } from "../../../layers/edge/ProxyTable.ts"
import { jsonFlag } from "../upstream/jsonFlag.ts"
import { asOperator, decoded } from "./asOperator.ts"
import { hostname, revision } from "./create.ts"

export const remove = Command.make(
  "delete",
  { hostname, revision, json: jsonFlag },
  Effect.fnUntraced(function* ({ hostname: host, json, revision: seen }) {
    const request = yield* decoded(ProxyDeletion, { hostname: host, revision: Option.getOrUndefined(seen) })
    const deleted = yield* (yield* ProxyTable).remove(request, "operator")
    if (json) return yield* Console.log(JSON.stringify(deleted))
    yield* Console.log(`Deleted ${deleted.hostname}. To publish it again: manifold proxy undo`)
  }, asOperator)
).pipe(Command.withDescription("Stop publishing an application; its streams and WebSockets end"))
