/** Checks the certificates of the edge: those that expire soon, and those that could not be issued. */
import { Effect, type FileSystem, Layer, type Path } from "effect"
import { Audit } from "../../../layers/audit/Audit.ts"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import type { Certificate } from "../../../layers/edge/certificates/Certificate.ts"
import { Certificates } from "../../../layers/edge/certificates/Certificates.ts"
import { CertificateStore } from "../../../layers/edge/certificates/CertificateStore.ts"
import { ProxyTable } from "../../../layers/edge/ProxyTable.ts"
import * as edge from "../../../layers/edge/section.ts"
import type { Environment } from "../../../layers/platform/Environment.ts"
import type { Ids } from "../../../layers/platform/Ids.ts"
import { databaseExists } from "../../../layers/storage/databaseExists.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { Storage } from "../../../layers/storage/Storage.ts"
import { type Check, fail, type Finding, ok, warn } from "./Check.ts"
import { notCheckable } from "./configuration.ts"

/** Problems that are named. */
const shown = 5

const problemOf = ({
  expires_at,
  last_error,
  names,
  next_action,
  next_action_at,
  source,
  state
}: Certificate) => {
  const name = names[0] ?? ""
  const until = expires_at?.slice(0, 10)
  if (state === "failed")
    return `no certificate for ${name} by ACME: ${last_error} (next attempt ${next_action_at?.slice(0, 16).replace("T", " ")} UTC)`
  if (state !== "expiring" && state !== "expired") return undefined
  const when = `the certificate for ${name} ${state === "expired" ? "expired" : "expires"} on ${until}`
  if (source === "uploaded") return `${when}: upload another one with \`manifold certificate add\``
  return next_action === "none" ? undefined : `${when}: start the service, which renews it`
}

const check = Effect.gen(function* () {
  const { https_port } = yield* (yield* ConfigSource).read(edge.section)
  if (https_port === undefined) return []
  if (!(yield* databaseExists)) return [ok("none yet; they are issued at the first start")]
  const found = (yield* (yield* Certificates).list({ limit: 10_000 })).certificates
  const problems = found.flatMap((each): ReadonlyArray<Finding> => {
    const problem = problemOf(each)
    return problem === undefined ? [] : [warn(problem)]
  })
  if (problems.length > 0) return problems.slice(0, shown)
  const active = found.filter(({ state }) => state === "active").length
  return [ok(active === 1 ? "1 valid certificate" : `${active} valid certificates`)]
})

export const edgeCertificates: Check<ConfigSource | Environment | FileSystem.FileSystem | Ids | Path.Path> = {
  name: "certificates",
  run: check.pipe(
    Effect.provide(
      Certificates.layer.pipe(
        Layer.provide(Layer.merge(CertificateStore.layer, ProxyTable.layer)),
        Layer.provide(Audit.layer),
        Layer.provide(Sql.layer),
        Layer.provideMerge(Storage.layer)
      )
    ),
    Effect.catchTags({
      ConfigInvalid: () => Effect.succeed([notCheckable("the certificates")]),
      CertificatesUnavailable: ({ detail, message }) => Effect.succeed([fail(detail ?? message)])
    })
  )
}
