/** `manifold token revoke`: revokes an API token; its sessions, streams and sockets end within a second. */
import { Console, Effect } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { StoredTokens } from "../../../layers/identity/StoredTokens.ts"
import { UsageError } from "../UsageError.ts"
import { jsonFlag } from "../upstream/jsonFlag.ts"
import { asOperator } from "./asOperator.ts"

export const revoke = Command.make(
  "revoke",
  {
    token: Argument.String("token").pipe(
      Argument.withDescription("Name or id of the token, not the token itself")
    ),
    json: jsonFlag
  },
  Effect.fnUntraced(function* ({ json, token }) {
    const revoked = yield* (yield* StoredTokens).revoke(token, "operator").pipe(
      Effect.catchIf(
        (error) => error._tag === "TokenError",
        () =>
          new UsageError({ detail: "No active token has this id or name. To see them: manifold token list" })
      )
    )
    if (json) return yield* Console.log(JSON.stringify(revoked))
    yield* Console.log(`Revoked ${revoked.name}. Running services reject it within a second.`)
  }, asOperator)
).pipe(Command.withDescription("Revoke an API token and end its sessions, streams and sockets"))
