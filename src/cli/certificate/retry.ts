/** `manifold certificate retry`: ends the delay before the next attempt to issue a certificate by ACME. */
import { Console, Effect } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { Certificates } from "../../../layers/edge/certificates/Certificates.ts"
import { jsonFlag } from "../upstream/jsonFlag.ts"
import { asOperator } from "./asOperator.ts"

export const retry = Command.make(
  "retry",
  {
    host: Argument.String("host").pipe(
      Argument.withDescription("Host whose certificate could not be issued")
    ),
    json: jsonFlag
  },
  Effect.fnUntraced(function* ({ host, json }) {
    const retried = yield* (yield* Certificates).retry(host, "operator")
    if (json) return yield* Console.log(JSON.stringify(retried))
    yield* Console.log(
      `A running service tries again within 15 seconds. The last error: ${retried.last_error ?? "unknown"}`
    )
  }, asOperator)
).pipe(Command.withDescription("Try again to issue a certificate by ACME, after its problem was corrected"))
