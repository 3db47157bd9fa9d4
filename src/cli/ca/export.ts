/** `manifold ca export`: writes the root certificate of the local CA as PEM. */
import { Console, Effect, FileSystem, Option } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { LocalCa } from "../../../layers/edge/certificates/LocalCa.ts"
import { describeFileError } from "../../../layers/platform/describeFileError.ts"
import { UsageError } from "../UsageError.ts"
import { asOperator } from "./asOperator.ts"

export const exportRoot = Command.make(
  "export",
  {
    file: Argument.String("file").pipe(
      Argument.withDescription("File to write (default: standard output)"),
      Argument.optional
    )
  },
  Effect.fnUntraced(function* ({ file }) {
    const { certificate } = yield* (yield* LocalCa).root
    if (Option.isNone(file)) return yield* Console.log(certificate.trimEnd())
    const fs = yield* FileSystem.FileSystem
    yield* Effect.mapError(
      fs.writeFileString(file.value, certificate),
      ({ reason }) => new UsageError({ detail: `Cannot write ${file.value}: ${describeFileError(reason)}` })
    )
    yield* Console.log(`Wrote ${file.value}. It has no secret.`)
  }, asOperator)
).pipe(Command.withDescription("Write the root certificate as PEM, for clients that should trust it"))
