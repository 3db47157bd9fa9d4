/** `manifold certificate reset`: removes certificates, roots and accounts whose secret or key file is lost. */
import { Console, Effect } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { operator } from "../../../layers/audit/AuditEntry.ts"
import { confirm } from "../confirm.ts"
import { asOperator } from "./asOperator.ts"

export const reset = Command.make(
  "reset",
  { yes: Flag.Boolean("yes").pipe(Flag.withDescription("Do not prompt"), Flag.withDefault(false)) },
  Effect.fnUntraced(function* ({ yes }) {
    const question =
      "Remove all certificates, roots of the local CA and ACME accounts that neither edge.certificates.secret nor the file keys/certificates of this state folder decrypts?"
    if (!yes && !(yield* confirm(question))) return yield* Console.log("Nothing was changed.")
    const { removeUnreadable } = yield* Effect.promise(
      () => import("../../../layers/edge/certificates/removeUnreadable.ts")
    )
    const removed = yield* removeUnreadable({ name: "operator", actor: operator })
    const count = (table: string) => removed[table] ?? 0
    yield* Console.log(
      `Removed certificates: ${count("edge_certificates")}, roots of the local CA: ${count("edge_authorities")}, ACME accounts: ${count("edge_acme_accounts")}.`
    )
    if (count("edge_authorities") > 0)
      yield* Console.log("The local CA gets another root: `manifold ca trust` adds it to this machine.")
  }, asOperator)
).pipe(Command.withDescription("Remove what cannot be decrypted because the secret or key file is lost"))
