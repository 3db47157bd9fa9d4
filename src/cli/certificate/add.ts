/** `manifold certificate add`: checks and stores a certificate from files. */
import { Console, Effect, FileSystem } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { Certificates } from "../../../layers/edge/certificates/Certificates.ts"
import { describeFileError } from "../../../layers/platform/describeFileError.ts"
import { jsonFlag } from "../upstream/jsonFlag.ts"
import { UsageError } from "../UsageError.ts"
import { asOperator } from "./asOperator.ts"

/** Longest file, in bytes. */
const mostBytes = 64 * 1024

const read = Effect.fnUntraced(function* (flag: string, path: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(
    fs.readFileString(path),
    ({ reason }) => new UsageError({ detail: `--${flag}: cannot read ${path}: ${describeFileError(reason)}` })
  )
  if (text.length > mostBytes)
    return yield* new UsageError({ detail: `--${flag}: ${path} is larger than 64 KiB` })
  return text
})

export const add = Command.make(
  "add",
  {
    cert: Flag.File("cert").pipe(
      Flag.withDescription("PEM file with the certificate, followed by its intermediate certificates")
    ),
    key: Flag.File("key").pipe(Flag.withDescription("PEM file with the private key, without a passphrase")),
    json: jsonFlag
  },
  Effect.fnUntraced(function* ({ cert, json, key }) {
    const upload = { certificate: yield* read("cert", cert), private_key: yield* read("key", key) }
    const added = yield* (yield* Certificates).add(upload, "operator")
    if (json) return yield* Console.log(JSON.stringify(added))
    yield* Console.log(
      `Added the certificate ${added.id} for ${added.names.join(", ")}, valid until ${added.expires_at?.slice(0, 10)}. Running services serve it within seconds.`
    )
  }, asOperator)
).pipe(
  Command.withDescription("Upload a certificate, which is then served for all hosts that it has a name for"),
  Command.withExamples([
    {
      command: "manifold certificate add --cert fullchain.pem --key privkey.pem",
      description: "A certificate of another CA, as certbot writes it"
    }
  ])
)
