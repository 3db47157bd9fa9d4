/** `manifold ca show`: the root certificate of the local CA, and how clients trust it. */
import { Clock, Console, Effect } from "effect"
import * as Command from "effect/cli/Command"
import { isoOf } from "../../../layers/edge/certificates/Certificate.ts"
import { LocalCa } from "../../../layers/edge/certificates/LocalCa.ts"
import { jsonFlag } from "../upstream/jsonFlag.ts"
import { asOperator } from "./asOperator.ts"

const day = 24 * 60 * 60_000

export const show = Command.make(
  "show",
  { json: jsonFlag },
  Effect.fnUntraced(function* ({ json }) {
    const { certificate, fingerprint, name, notAfter } = yield* (yield* LocalCa).root
    const now = yield* Clock.currentTimeMillis
    const expires_at = isoOf(notAfter)
    if (json)
      return yield* Console.log(
        JSON.stringify({ name, expires_at, fingerprint_sha256: fingerprint, certificate })
      )
    const lines = [
      `Name:         ${name}`,
      `Valid until:  ${expires_at?.slice(0, 10)} (${Math.floor((notAfter - now) / day)} days)`,
      `SHA-256:      ${fingerprint}`,
      "",
      "On this machine:    manifold ca trust",
      "For other clients:  manifold ca export manifold-ca.pem, and import the file as a certificate authority",
      "For one command:    curl --cacert manifold-ca.pem https://…  (Node.js: NODE_EXTRA_CA_CERTS)"
    ]
    for (const line of lines) yield* Console.log(line)
  }, asOperator)
).pipe(Command.withDescription("Show the root certificate of the local CA, and how to trust it"))
