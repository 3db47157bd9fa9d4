/** `manifold certificate remove`: removes an uploaded certificate. */
import { Console, Effect } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { Certificates } from "../../../layers/edge/certificates/Certificates.ts"
import { jsonFlag } from "../upstream/jsonFlag.ts"
import { asOperator } from "./asOperator.ts"

export const remove = Command.make(
  "remove",
  {
    id: Argument.String("id").pipe(Argument.withDescription("Id of the certificate, as in the list")),
    json: jsonFlag
  },
  Effect.fnUntraced(function* ({ id, json }) {
    const removed = yield* (yield* Certificates).remove(id, "operator")
    if (json) return yield* Console.log(JSON.stringify(removed))
    yield* Console.log(`Removed the certificate for ${removed.names.join(", ")}.`)
  }, asOperator)
).pipe(Command.withDescription("Remove an uploaded certificate; its hosts are then served with another one"))
