/** Checks the root of the local CA: its key, and which root this machine trusts. */
import { Effect, FileSystem, Layer, type Path } from "effect"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { Audit } from "../../../layers/audit/Audit.ts"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { isoOf } from "../../../layers/edge/certificates/Certificate.ts"
import { CertificateStore, KeysUnreadable } from "../../../layers/edge/certificates/CertificateStore.ts"
import { LocalCa } from "../../../layers/edge/certificates/LocalCa.ts"
import { replacedRoots, trustingStores } from "../../../layers/edge/certificates/trustedRoots.ts"
import * as edge from "../../../layers/edge/section.ts"
import type { Environment } from "../../../layers/platform/Environment.ts"
import type { Ids } from "../../../layers/platform/Ids.ts"
import type { Machine } from "../../../layers/platform/Machine.ts"
import { databaseExists } from "../../../layers/storage/databaseExists.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { Storage } from "../../../layers/storage/Storage.ts"
import { type Check, fail, ok, warn } from "./Check.ts"
import { notCheckable } from "./configuration.ts"

const check = Effect.gen(function* () {
  const { https_port } = yield* (yield* ConfigSource).read(edge.section)
  if (https_port === undefined || !(yield* databaseExists)) return []
  const root = yield* (yield* LocalCa).stored
  if (root?.key === "unreadable") return [fail(new KeysUnreadable().message)]
  if (root?.key === "mismatched")
    return [
      fail(
        `the key of ${root.name} in the database is not that of its certificate, so that no client accepts what it issues: \`manifold certificate reset\` removes it, and the next start generates another root`
      )
    ]
  const replaced = yield* Effect.forEach(yield* replacedRoots(root), (other) =>
    Effect.map(trustingStores(other), (stores) =>
      stores.map(({ name }) =>
        warn(
          `${name} trusts ${other.name}, which this installation does not use any more: \`manifold ca trust\` removes it and adds the current root`
        )
      )
    )
  )
  if (replaced.flat().length > 0 || root === undefined) return replaced.flat()
  const trusting = (yield* trustingStores(root)).map(({ name }) => name)
  const until = isoOf(root.notAfter)?.slice(0, 10)
  return [
    ok(
      trusting.length === 0
        ? `${root.name} is valid until ${until}; this machine does not trust it (manifold ca trust)`
        : `${root.name} is valid until ${until}, and trusted by: ${trusting.join(", ")}`
    )
  ]
})

export const localCa: Check<
  ChildProcessSpawner | ConfigSource | Environment | FileSystem.FileSystem | Ids | Machine | Path.Path
> = {
  name: "local CA",
  run: check.pipe(
    Effect.provide(
      LocalCa.layer.pipe(
        Layer.provide(CertificateStore.layer),
        Layer.provide(Audit.layer),
        Layer.provide(Sql.layer),
        Layer.provideMerge(Storage.layer)
      )
    ),
    Effect.catchTag("ConfigInvalid", () => Effect.succeed([notCheckable("the local CA")]))
  )
}
